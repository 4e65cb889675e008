/**
 * A fault is a package: what it needs, how it is injected and healed, how one sees that it is
 * healed, and how it looks in a chart. Whom it hits is symbolic until the moment of injection,
 * because who leads is only known then.
 */
import type { Capability, MemberState, RunningCluster } from '../target';
import { waitFor } from '../wait';

/** Whom a fault hits. `minority` and `majority` are the largest and the smallest such group. */
export type Aim =
  'leader' | 'follower' | 'minority' | 'majority' | 'all' | 'random' | { readonly member: string };

export interface Shading {
  /** A short label for the band in the chart. */
  readonly label: string;
  /** A CSS colour that is legible on light and dark. */
  readonly colour: string;
}

/** What a fault is made of; the rest follows from its name. */
export interface FaultParts {
  readonly name: string;
  readonly needs: readonly Capability[];
  readonly aim: Aim;
  readonly colour: string;
  readonly inject: Fault['inject'];
  readonly heal: Fault['heal'];
  /** Default: all members answer and follow one leader. */
  readonly verifyHealed?: Fault['verifyHealed'];
}

export interface HealedOptions {
  readonly limitMs: number;
  readonly signal?: AbortSignal | undefined;
}

export interface Fault {
  /** Unique among the faults of a run, e.g. `kill leader`. */
  readonly name: string;
  readonly needs: readonly Capability[];
  readonly aim: Aim;
  readonly shading: Shading;
  /** Brings the fault about; resolves when its effect can be observed. */
  inject(cluster: RunningCluster, members: readonly string[]): Promise<void>;
  /** Takes it back. Members that are not in the state of this fault are left alone. */
  heal(cluster: RunningCluster, members: readonly string[]): Promise<void>;
  /** Resolves when the cluster is seen to work again; rejects when the limit has passed. */
  verifyHealed(
    cluster: RunningCluster,
    members: readonly string[],
    options: HealedOptions,
  ): Promise<void>;
}

export function makeFault({ colour, verifyHealed, ...parts }: FaultParts): Fault {
  return {
    ...parts,
    shading: { label: parts.name, colour },
    verifyHealed:
      verifyHealed ?? ((cluster, _, options) => untilAllFollowOneLeader(cluster, options)),
  };
}

/** Members in a given state; a fault heals only what it did itself. */
export function inState(
  cluster: RunningCluster,
  members: readonly string[],
  state: MemberState,
): readonly string[] {
  const there = new Set(
    cluster
      .members()
      .filter((member) => member.state === state)
      .map(({ name }) => name),
  );
  return members.filter((name) => there.has(name));
}

/** Does the same to each of some members, at the same time. */
export async function each(
  members: readonly string[],
  work: (name: string) => Promise<unknown>,
): Promise<void> {
  await Promise.all(members.map(work));
}

/** Starts those of the members that are down. */
export function startDown(cluster: RunningCluster, members: readonly string[]): Promise<void> {
  return each(inState(cluster, members, 'down'), (name) => cluster.start(name));
}

/** Capabilities that a fault needs and the target has not. */
export function missingCapabilities(
  fault: Fault,
  target: { readonly capabilities: ReadonlySet<Capability> },
): readonly Capability[] {
  return fault.needs.filter((capability) => !target.capabilities.has(capability));
}

export function describeAim(aim: Aim): string {
  return typeof aim === 'string' ? aim : aim.member;
}

/**
 * Every member answers and all of them name the same leader. Probing the hit members alone would
 * miss that the others still follow somebody else.
 */
export async function untilAllFollowOneLeader(
  cluster: RunningCluster,
  { limitMs, signal }: HealedOptions,
): Promise<void> {
  const members = cluster.members();
  await waitFor(
    async () => {
      const answers = await Promise.all(members.map(({ name }) => cluster.status(name, 1_000)));
      const leaders = new Set(answers.map(({ leaderId }) => leaderId));
      const [leader] = leaders;
      return leaders.size === 1 && leader !== 0n ? true : undefined;
    },
    {
      what: `all ${members.length} members to answer and to follow one leader`,
      limitMs,
      intervalMs: 50,
      signal,
    },
  );
}
