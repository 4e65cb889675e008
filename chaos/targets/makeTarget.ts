/** Targets by choice: what a command line or a test asks for, turned into a cluster. */
import { join } from 'node:path';

import type { Cluster } from '../target';
import { etcdContainers, imageContainers, referenceContainers } from './containerCluster';
import { endpoints, type EndpointsOptions } from './endpoints';
import { etcdProcess } from './etcdProcess';
import type { DiskKind } from './processAbilities';
import { referenceProcess } from './referenceProcess';

export type Runtime = 'process' | 'container';

export type TargetChoice =
  | { readonly kind: 'reference'; readonly runtime: Runtime }
  | { readonly kind: 'etcd'; readonly runtime: Runtime; readonly binary?: string }
  | { readonly kind: 'image'; readonly image: string }
  | ({ readonly kind: 'endpoints' } & EndpointsOptions);

/** What a scenario wants of its cluster; a target that cannot give it leaves it out. */
export interface ClusterWishes {
  /** Default 3. */
  readonly memberCount?: number;
  /** Applied entries between snapshots. Default the target's own. */
  readonly snapshotCount?: number;
  /** Entries kept for slow followers, where the target has a choice. */
  readonly catchUpEntries?: number;
  /** Largest state. Default the target's own, 2 GiB in most. */
  readonly quotaBytes?: number;
  readonly disks?: DiskKind;
  readonly fakeClock?: boolean;
}

/**
 * A new cluster of that kind; `directory` gets its data and its members' logs.
 * @throws TargetError when it cannot be had, e.g. containers without Docker.
 */
export async function makeTarget(
  choice: TargetChoice,
  directory: string,
  wishes: ClusterWishes = {},
  signal?: AbortSignal,
): Promise<Cluster> {
  const { memberCount = 3, snapshotCount, catchUpEntries, quotaBytes, ...ofProcesses } = wishes;
  const flags = (...names: readonly (readonly [string, number | undefined])[]): string[] =>
    names.flatMap(([name, value]) => (value === undefined ? [] : [name, String(value)]));
  const common = { directory: join(directory, 'cluster'), memberCount };
  // etcd keeps 5000 entries, and up to 3.5.13 there was no flag for that.
  const quota = ['--quota-backend-bytes', quotaBytes] as const;
  const etcd = { ...common, argvExtra: flags(['--snapshot-count', snapshotCount], quota) };
  const catchUp = ['--snapshot-catchup-entries', catchUpEntries] as const;
  const ours = { ...common, argvExtra: [...etcd.argvExtra, ...flags(catchUp)] };
  switch (choice.kind) {
    case 'reference':
      return choice.runtime === 'process'
        ? referenceProcess({ ...ours, ...ofProcesses })
        : referenceContainers(ours).probe(signal);
    case 'etcd': {
      if (choice.runtime === 'container') return etcdContainers(etcd).probe(signal);
      const { binary } = choice;
      return etcdProcess({ ...etcd, ...ofProcesses, ...(binary === undefined ? {} : { binary }) });
    }
    case 'image':
      return imageContainers(choice.image, etcd).probe(signal);
    case 'endpoints':
      return endpoints(choice);
  }
}
