/**
 * The KV service: ranges and read-only transactions from this member's state, everything else
 * through the log.
 *
 * A read is linearizable unless the client says `serializable`: it waits until this member has
 * applied what was committed when the read arrived. Requests are checked before they are proposed,
 * in etcd's order, so that a bad one costs no entry.
 */
import type { UntypedServiceImplementation } from '@grpc/grpc-js';
import {
  KVService,
  type CompactionRequest,
  type CompactionResponse,
  type DeleteRangeRequest,
  type DeleteRangeResponse,
  type PutRequest,
  type PutResponse,
  type RangeRequest,
  type RangeResponse,
  type TxnRequest,
  type TxnResponse,
} from '../../api';
import { checkDeleteRange, checkPut, checkRange, checkTxn, isReadOnlyTxn } from '../../kv/validate';
import { serviceRefusals } from '../errors';
import {
  deleteRangeFromWire,
  isSerializableTxn,
  putFromWire,
  rangeFromWire,
  toNumber,
  txnFromWire,
} from './fromWire';
import { headerAt, sized, unary, type ServiceContext, type Sized } from './handler';
import { propose } from './proposing';
import { deleteRangeToWire, putToWire, rangeToWire, txnToWire } from './toWire';

/** The service's methods; requests that go into the log are measured. */
export const kvMethods = {
  range: KVService.range,
  put: sized(KVService.put),
  deleteRange: sized(KVService.deleteRange),
  txn: sized(KVService.txn),
  compact: KVService.compact,
} as const;

export function kvHandlers(context: ServiceContext): UntypedServiceImplementation {
  const kv = new KvCalls(context);
  return {
    range: unary(context, (request: RangeRequest) => kv.range(request), { onLearner: true }),
    put: unary(context, (request: Sized<PutRequest>) => kv.put(request)),
    deleteRange: unary(context, (request: Sized<DeleteRangeRequest>) => kv.deleteRange(request)),
    txn: unary(context, (request: Sized<TxnRequest>) => kv.txn(request)),
    compact: unary(context, (request: CompactionRequest) => kv.compact(request)),
  };
}

class KvCalls {
  constructor(private readonly context: ServiceContext) {}

  async range(wire: RangeRequest): Promise<RangeResponse> {
    const { backend } = this.context;
    if (!wire.serializable && backend.status().isLearner) throw serviceRefusals.learner();
    const request = rangeFromWire(wire);
    checkRange(request);
    if (!wire.serializable) await backend.linearizableRead();
    const { view } = backend;
    return rangeToWire(headerAt(this.context, view.revision), view.range(request));
  }

  async put({ message, bytes }: Sized<PutRequest>): Promise<PutResponse> {
    const request = putFromWire(message);
    checkPut(request);
    const { result, header } = await propose(this.context, { kind: 'put', request }, bytes);
    return putToWire(header, result);
  }

  async deleteRange({ message, bytes }: Sized<DeleteRangeRequest>): Promise<DeleteRangeResponse> {
    const request = deleteRangeFromWire(message);
    checkDeleteRange(request);
    const { result, header } = await propose(this.context, { kind: 'deleteRange', request }, bytes);
    return deleteRangeToWire(header, result);
  }

  async txn({ message, bytes }: Sized<TxnRequest>): Promise<TxnResponse> {
    const { backend, limits } = this.context;
    const request = txnFromWire(message);
    checkTxn(request, limits.txnOpsMax);
    if (isReadOnlyTxn(request)) {
      if (!isSerializableTxn(message)) await backend.linearizableRead();
      const { view } = backend;
      const { revision } = view;
      return txnToWire(headerAt(this.context, revision), view.readTxn(request), revision);
    }
    const { result, header, before } = await propose(this.context, { kind: 'txn', request }, bytes);
    return txnToWire(header, result, before);
  }

  async compact(wire: CompactionRequest): Promise<CompactionResponse> {
    const request = { revision: toNumber(wire.revision), physical: wire.physical };
    const { header } = await propose(this.context, { kind: 'compact', request }, 0);
    return { header };
  }
}
