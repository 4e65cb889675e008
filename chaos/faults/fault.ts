/**
 * A fault is a package: what it needs, how it is injected and healed, how one sees that it is
 * healed, and how it looks in a chart. Whom it hits is symbolic until the moment of injection,
 * because who leads is only known then.
 */
import type { Capability, RunningCluster } from '../target';
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
