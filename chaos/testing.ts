/** What the tests of this folder share. */
import { findOnPath } from './targets/etcdProcess';

/**
 * `describe` where etcd is installed; elsewhere its one entry is counted as not done and says why,
 * because a run that passes without its subject proves nothing.
 */
export function describeWithEtcd(title: string, block: () => void): void {
  if (findOnPath('etcd') === undefined) {
    process.stderr.write(`skipped: no etcd on PATH (${title})\n`);
    describe(title, () => it.todo('skipped: no etcd on PATH'));
    return;
  }
  describe(title, block);
}

/** Timings that make elections quick enough for tests. */
export const quickTimings = { heartbeatMs: 50, electionMs: 500 } as const;
