/**
 * Performs the operations that histories record: a workload says `cas [1, 2]`, the store gets the
 * requests that mean it, and the recorder gets a completion.
 *
 * Four vocabularies. As the models name them: `register` (read, write, cas), `kv` (get, put,
 * append, delete) and `etcd` (range, put, delete, txn, compact; see src/history/etcd.ts); and
 * `coordination`, leases and locks. What the store refused, and every read that failed, is `fail`:
 * it had no effect. A write whose fate is unknown is `info`.
 */
import type { RecordedCompletion } from '../history';
import type { EtcdClient } from './etcdClient';
import { performCoordination } from './coordinationOperations';
import { performEtcd } from './etcdOperations';
import { performKv } from './kvOperations';
import {
  OperationError,
  type OperationClientOptions,
  type OperationRequest,
  type Performer,
} from './operation';
import { performRegister } from './registerOperations';

/** One logical client of a workload: it performs one operation at a time at one endpoint. */
export class OperationClient {
  private readonly performer: Performer;

  constructor(client: EtcdClient, options: OperationClientOptions) {
    const prefix = options.keyPrefix ?? '';
    const offset = options.revisionOffset ?? 0;
    const revision = (of: number | bigint): number => (Number(of) === 0 ? 0 : Number(of) - offset);
    this.performer = {
      client,
      options,
      storeKey: (operation) => {
        if (operation.key === undefined) throw new OperationError(operation, 'a key is missing');
        return prefix + operation.key;
      },
      revision,
      done: (ok, completion) => {
        const member = options.memberName?.(ok.memberId);
        return {
          type: 'ok',
          // An answer without a header says nothing of revisions: 0 would be a claim.
          ...(ok.revision === 0 ? {} : { rev: revision(ok.revision) }),
          ...completion,
          ...(member === undefined ? {} : { member }),
        };
      },
    };
  }

  /** Performs an operation. Rejects with `OperationError` when it is not of the vocabulary. */
  async perform(operation: OperationRequest): Promise<RecordedCompletion> {
    switch (this.performer.options.vocabulary) {
      case 'register':
        return performRegister(this.performer, operation);
      case 'kv':
        return performKv(this.performer, operation);
      case 'etcd':
        return performEtcd(this.performer, operation);
      case 'coordination':
        return performCoordination(this.performer, operation);
    }
  }
}
