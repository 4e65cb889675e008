/** The workloads by name. */
import { coordinationWorkload } from './coordination';
import { kvWorkload } from './kv';
import { registerWorkload } from './register';
import { txnWorkload } from './txn';
import type { Workload } from './workload';

export { coordinationWorkload } from './coordination';
export { kvWorkload } from './kv';
export { registerWorkload } from './register';
export { txnWorkload } from './txn';
export type { Generator, GeneratorOptions, RuleContext, Workload } from './workload';

/** Each by the name it has on the command line. */
export const workloads: Readonly<Record<string, () => Workload>> = {
  register: () => registerWorkload(),
  kv: () => kvWorkload(),
  txn: () => txnWorkload(),
  coordination: () => coordinationWorkload(),
  compaction: () => txnWorkload({ compaction: true }),
};
