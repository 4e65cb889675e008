/** The workloads by name. */
import { kvWorkload } from './kv';
import { registerWorkload } from './register';
import { txnWorkload } from './txn';
import type { Workload } from './workload';

export { kvWorkload } from './kv';
export { registerWorkload } from './register';
export { txnWorkload } from './txn';
export type { Generator, GeneratorOptions, Workload } from './workload';

/** Each by the name it has on the command line. */
export const workloads: Readonly<Record<string, () => Workload>> = {
  register: () => registerWorkload(),
  kv: () => kvWorkload(),
  txn: () => txnWorkload(),
  compaction: () => txnWorkload({ compaction: true }),
};
