/**
 * Whether a member was sent a snapshot, seen from outside: by what it prints when it has installed
 * one. Known are the words of etcd (both of its loggers) and of the reference.
 */
import { readFileSync } from 'node:fs';

import type { RunningCluster } from './target';

const installed = [
  /"msg":"applied snapshot"/, // etcd, zap
  /raft\.node: applied snapshot|applied snapshot at index|finished applying incoming snapshot/,
  /installed a snapshot/, // the reference
];

/** How many snapshots the member has installed since its log began; undefined without a log. */
export function snapshotsInstalled(cluster: RunningCluster, name: string): number | undefined {
  const file = cluster.log(name);
  if (file === undefined) return undefined;
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
  return text.split('\n').filter((line) => installed.some((words) => words.test(line))).length;
}
