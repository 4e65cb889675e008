/**
 * Results of the state machine as messages of the wire.
 *
 * Inside a transaction etcd gives each response a header with a revision only: the revision that
 * the operation saw or made. It follows from the results, so it is computed here and the state
 * machine does not carry it.
 */
import type {
  DeleteRangeResponse,
  Event,
  KeyValue as WireKeyValue,
  PutResponse,
  RangeResponse,
  ResponseHeader,
  ResponseOp,
  TxnResponse,
} from '../../api';
import type {
  DeleteRangeResult,
  KeyValue,
  KvEvent,
  OpResult,
  PutResult,
  RangeResult,
  Revision,
  TxnResult,
} from '../../kv/types';

type Header = ResponseHeader | undefined;

export function keyValueToWire(kv: KeyValue): WireKeyValue {
  return {
    key: Buffer.from(kv.key, 'latin1'),
    createRevision: BigInt(kv.createRevision),
    modRevision: BigInt(kv.modRevision),
    version: BigInt(kv.version),
    value: bufferOf(kv.value),
    lease: kv.lease,
  };
}

/** Numbers of the event types on the wire. */
const eventTypes = { put: 0, delete: 1 } as const;

export function eventToWire(event: KvEvent): Event {
  return {
    type: eventTypes[event.type],
    kv: keyValueToWire(event.kv),
    prevKv: event.prevKv === undefined ? undefined : keyValueToWire(event.prevKv),
  };
}

export function rangeToWire(header: Header, result: RangeResult): RangeResponse {
  return {
    header,
    kvs: result.kvs.map(keyValueToWire),
    more: result.more,
    count: BigInt(result.count),
  };
}

export function putToWire(header: Header, result: PutResult): PutResponse {
  return {
    header,
    prevKv: result.prevKv === undefined ? undefined : keyValueToWire(result.prevKv),
  };
}

export function deleteRangeToWire(header: Header, result: DeleteRangeResult): DeleteRangeResponse {
  return {
    header,
    deleted: BigInt(result.deleted),
    prevKvs: result.prevKvs.map(keyValueToWire),
  };
}

/** `before` is the revision of the store when the transaction began. */
export function txnToWire(header: Header, result: TxnResult, before: Revision): TxnResponse {
  return txnResponse(header, result, { before, changed: false });
}

/** What a transaction has done so far: it makes at most one revision. */
interface Progress {
  readonly before: Revision;
  changed: boolean;
}

function txnResponse(header: Header, result: TxnResult, progress: Progress): TxnResponse {
  return {
    header,
    succeeded: result.succeeded,
    responses: result.responses.map((response) => responseOp(response, progress)),
  };
}

function responseOp(result: OpResult, progress: Progress): ResponseOp {
  switch (result.kind) {
    case 'range': {
      const value = rangeToWire(innerHeader(progress), result);
      return { response: { $case: 'responseRange', value } };
    }
    case 'put': {
      progress.changed = true;
      return {
        response: { $case: 'responsePut', value: putToWire(innerHeader(progress), result) },
      };
    }
    case 'deleteRange': {
      if (result.deleted > 0) progress.changed = true;
      const value = deleteRangeToWire(innerHeader(progress), result);
      return { response: { $case: 'responseDeleteRange', value } };
    }
    case 'txn': {
      const empty = { clusterId: 0n, memberId: 0n, revision: 0n, raftTerm: 0n };
      const value = txnResponse(empty, result, progress);
      return { response: { $case: 'responseTxn', value } };
    }
  }
}

function innerHeader({ before, changed }: Progress): ResponseHeader {
  const revision = BigInt(changed ? before + 1 : before);
  return { clusterId: 0n, memberId: 0n, revision, raftTerm: 0n };
}

/** The same bytes without a copy. */
function bufferOf(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
