/** How clusters of members with etcd's flags come to life, whatever the members run in. */
import { TargetError, type ClusterDescription } from '../target';
import { waitFor } from '../wait';
import type { MemberUnit, PlacedMember, RunningMembers } from './runningMembers';

export interface MemberFlags {
  readonly name: string;
  readonly dataDirectory: string;
  readonly listenClient: string;
  readonly advertiseClient: string;
  readonly listenPeer: string;
  readonly advertisePeer: string;
  readonly initialCluster: string;
  /** `existing` for a member that joins a cluster that runs already. */
  readonly state: 'new' | 'existing';
  readonly token: string;
  readonly heartbeatMs: number;
  readonly electionMs: number;
  readonly more: readonly string[];
}

/** etcd's own defaults. */
export const timingDefaults = { heartbeatMs: 100, electionMs: 1_000 } as const;

export function etcdFlags(flags: MemberFlags): readonly string[] {
  return [
    ...['--name', flags.name, '--data-dir', flags.dataDirectory],
    ...['--listen-client-urls', flags.listenClient],
    ...['--advertise-client-urls', flags.advertiseClient],
    ...['--listen-peer-urls', flags.listenPeer],
    ...['--initial-advertise-peer-urls', flags.advertisePeer],
    ...['--initial-cluster', flags.initialCluster, '--initial-cluster-state', flags.state],
    ...['--initial-cluster-token', flags.token],
    ...['--heartbeat-interval', String(flags.heartbeatMs)],
    ...['--election-timeout', String(flags.electionMs)],
    ...flags.more,
  ];
}

export function assertMemberCount(count: number): void {
  if (Number.isInteger(count) && count >= 1 && count <= 9) return;
  throw new TargetError('notReady', `a cluster has 1..9 members, not ${count}`);
}

/** Waits until every member answers and knows the leader. */
export async function untilReady<Unit extends MemberUnit>(
  running: RunningMembers<Unit, PlacedMember<Unit>>,
  { memberCount, target }: ClusterDescription,
  limitMs: number,
  signal: AbortSignal | undefined,
): Promise<void> {
  await waitFor(
    async () => {
      running.assertNoneEnded();
      const answers = await Promise.all(
        running.members().map(({ name }) => running.status(name, 500)),
      );
      const known = answers.every(({ leaderId }) => leaderId !== 0n);
      return known && (await running.leader()) !== undefined ? true : undefined;
    },
    {
      what: `${memberCount} members of ${target} to be ready`,
      ...{ limitMs, intervalMs: 50, signal },
      isFinal: (error) => error instanceof TargetError,
    },
  );
}
