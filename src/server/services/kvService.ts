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
  type RangeRequest,
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
import {
  encoded,
  encodedHeaderAt,
  headerAt,
  sized,
  unary,
  type ServiceContext,
  type Sized,
} from './handler';
import { propose } from './proposing';
import { deleteRangeToWire, txnToWire } from './toWire';
import { decodePutRequest } from './wireReader';
import { AnswerBuffers, RangeWriter } from './rangeWriter';
import { encodePut } from './wireWriter';

/** The service's methods; requests that go into the log are measured, frequent answers encoded. */
export const kvMethods = {
  // gRPC frames what it is given at once, which copies it.
  range: { ...KVService.range, responseSerialize: (answer: RangeWriter) => answer.handOver() },
  put: encoded(sized({ ...KVService.put, requestDeserialize: decodePutRequest })),
  deleteRange: sized(KVService.deleteRange),
  txn: sized(KVService.txn),
  compact: KVService.compact,
} as const;

export function kvHandlers(context: ServiceContext): UntypedServiceImplementation {
  const kv = new KvCalls(context);
  return {
    range: unary(context, (request: RangeRequest, isWanted) => kv.range(request, isWanted), {
      onLearner: true,
    }),
    put: unary(context, (request: Sized<PutRequest>) => kv.put(request)),
    deleteRange: unary(context, (request: Sized<DeleteRangeRequest>) => kv.deleteRange(request)),
    txn: unary(context, (request: Sized<TxnRequest>) => kv.txn(request)),
    compact: unary(context, (request: CompactionRequest) => kv.compact(request)),
  };
}

class KvCalls {
  private readonly buffers = new AnswerBuffers();

  constructor(private readonly context: ServiceContext) {}

  async range(wire: RangeRequest, isWanted: () => boolean): Promise<RangeWriter> {
    const { backend } = this.context;
    if (!wire.serializable && backend.isLearner) throw serviceRefusals.learner();
    const request = rangeFromWire(wire);
    checkRange(request);
    if (!wire.serializable) await backend.linearizableRead();
    const answer = new RangeWriter(request.rangeEnd === '' ? undefined : this.buffers);
    const { revision, result } = await backend.view.range(request, { isWanted, sink: answer });
    answer.finish(encodedHeaderAt(this.context, revision), result);
    return answer;
  }

  async put({ message, bytes }: Sized<PutRequest>): Promise<Buffer> {
    const request = putFromWire(message);
    checkPut(request);
    const command = { kind: 'put', request } as const;
    const { result, revision } = await propose(this.context, command, bytes);
    return encodePut(encodedHeaderAt(this.context, revision), result);
  }

  async deleteRange({ message, bytes }: Sized<DeleteRangeRequest>): Promise<DeleteRangeResponse> {
    const request = deleteRangeFromWire(message);
    checkDeleteRange(request);
    const command = { kind: 'deleteRange', request } as const;
    const { result, revision } = await propose(this.context, command, bytes);
    return deleteRangeToWire(headerAt(this.context, revision), result);
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
    const command = { kind: 'txn', request } as const;
    const { result, revision, before } = await propose(this.context, command, bytes);
    return txnToWire(headerAt(this.context, revision), result, before);
  }

  async compact(wire: CompactionRequest): Promise<CompactionResponse> {
    const request = { revision: toNumber(wire.revision), physical: wire.physical };
    const { revision } = await propose(this.context, { kind: 'compact', request }, 0);
    return { header: headerAt(this.context, revision) };
  }
}
