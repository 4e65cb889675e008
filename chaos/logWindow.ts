/**
 * Up to where a member has forgotten its log, seen from outside: who lacks an entry before that
 * can only be helped by a snapshot. The reference has a gauge for it; etcd prints it, and only for
 * as long as a process lives: a restarted one begins behind a snapshot that it does not name.
 */
import { readFileSync } from 'node:fs';

import type { RunningCluster } from './target';

const metricsTimeoutMs = 2_000;
const gauge = /^log_first_index (\d+)$/m;
const compacted = [
  /"msg":"compacted Raft logs".*"compact-index":(\d+)/, // etcd, zap
  /compacted raft log at (\d+)/,
];
const restarted = /restarting member|"msg":"restarting local member"/;

/** The last index that is not in the member's log any more; undefined where nothing tells. */
export async function compactedIndex(
  cluster: RunningCluster,
  name: string,
): Promise<number | undefined> {
  const { clientUrl } = cluster.members().find((member) => member.name === name)!;
  const first = gauge.exec(await metricsOf(clientUrl))?.[1];
  if (first !== undefined) return Number(first) - 1;
  if (!cluster.description.target.includes('etcd')) return undefined;
  const log = cluster.log(name);
  return log === undefined ? undefined : compactedInLog(read(log));
}

/** The same from what an etcd has printed. */
export function compactedInLog(log: string): number | undefined {
  let found: number | undefined = 0;
  for (const line of log.split('\n')) {
    if (restarted.test(line)) found = undefined;
    for (const words of compacted) {
      const index = words.exec(line)?.[1];
      if (index !== undefined) found = Number(index);
    }
  }
  return found;
}

async function metricsOf(clientUrl: string): Promise<string> {
  try {
    const signal = AbortSignal.timeout(metricsTimeoutMs);
    const answer = await fetch(new URL('/metrics', clientUrl), { signal });
    return await answer.text();
  } catch {
    // A store without metrics, or behind TLS, tells nothing.
    return '';
  }
}

function read(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}
