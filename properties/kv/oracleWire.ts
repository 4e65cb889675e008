/**
 * The state machine's requests and results as messages of the etcd v3 API and back, for the
 * comparison with a real etcd only: a second opinion on the server's own mapping.
 */

import type * as api from '../../src/api';
import { bytesOfString, stringOfBytes } from '../../src/kv';
import type {
  Compare,
  DeleteRangeRequest,
  KeyValue,
  OpResult,
  PutRequest,
  RangeRequest,
  RangeResult,
  RequestOp,
  TxnRequest,
} from '../../src/kv';

const buffer = (text: string): Buffer => Buffer.from(bytesOfString(text));

export const wire = {
  range: (request: RangeRequest): api.RangeRequest => ({
    key: buffer(request.key),
    rangeEnd: buffer(request.rangeEnd),
    limit: BigInt(request.limit),
    revision: BigInt(request.revision),
    sortOrder: { none: 0, ascend: 1, descend: 2 }[request.sortOrder],
    sortTarget: { key: 0, version: 1, create: 2, mod: 3, value: 4 }[request.sortTarget],
    serializable: false,
    keysOnly: request.keysOnly,
    countOnly: request.countOnly,
    minModRevision: BigInt(request.minModRevision),
    maxModRevision: BigInt(request.maxModRevision),
    minCreateRevision: BigInt(request.minCreateRevision),
    maxCreateRevision: BigInt(request.maxCreateRevision),
  }),

  put: (request: PutRequest): api.PutRequest => ({
    ...request,
    key: buffer(request.key),
    value: Buffer.from(request.value),
  }),

  deleteRange: (request: DeleteRangeRequest): api.DeleteRangeRequest => ({
    key: buffer(request.key),
    rangeEnd: buffer(request.rangeEnd),
    prevKv: request.prevKv,
  }),

  txn: (request: TxnRequest): api.TxnRequest => ({
    compare: request.compare.map(compareToWire),
    success: request.success.map(opToWire),
    failure: request.failure.map(opToWire),
  }),
};

function opToWire(op: RequestOp): api.RequestOp {
  switch (op.kind) {
    case 'none':
      return { request: undefined };
    case 'range':
      return { request: { $case: 'requestRange', value: wire.range(op.request) } };
    case 'put':
      return { request: { $case: 'requestPut', value: wire.put(op.request) } };
    case 'deleteRange':
      return { request: { $case: 'requestDeleteRange', value: wire.deleteRange(op.request) } };
    case 'txn':
      return { request: { $case: 'requestTxn', value: wire.txn(op.request) } };
  }
}

function compareToWire(compare: Compare): api.Compare {
  return {
    result: { equal: 0, greater: 1, less: 2, notEqual: 3 }[compare.result],
    target: { version: 0, create: 1, mod: 2, value: 3, lease: 4 }[compare.target],
    key: buffer(compare.key),
    rangeEnd: buffer(compare.rangeEnd),
    targetUnion: operandToWire(compare),
  };
}

function operandToWire(compare: Compare): api.Compare['targetUnion'] {
  switch (compare.target) {
    case 'version':
      return { $case: 'version', value: BigInt(compare.operand) };
    case 'create':
      return { $case: 'createRevision', value: BigInt(compare.operand) };
    case 'mod':
      return { $case: 'modRevision', value: BigInt(compare.operand) };
    case 'value':
      return { $case: 'value', value: Buffer.from(compare.operand) };
    case 'lease':
      return { $case: 'lease', value: compare.operand };
  }
}

type WireKeyValue = api.RangeResponse['kvs'][number];

function kvOf(kv: WireKeyValue): KeyValue {
  return {
    key: stringOfBytes(kv.key),
    createRevision: Number(kv.createRevision),
    modRevision: Number(kv.modRevision),
    version: Number(kv.version),
    value: Uint8Array.from(kv.value),
    lease: kv.lease,
  };
}

export const unwire = {
  range: (response: api.RangeResponse): RangeResult => ({
    kind: 'range',
    kvs: response.kvs.map(kvOf),
    more: response.more,
    count: Number(response.count),
  }),

  put: (response: api.PutResponse): OpResult => ({
    kind: 'put',
    prevKv: response.prevKv === undefined ? undefined : kvOf(response.prevKv),
  }),

  deleteRange: (response: api.DeleteRangeResponse): OpResult => ({
    kind: 'deleteRange',
    deleted: Number(response.deleted),
    prevKvs: response.prevKvs.map(kvOf),
  }),

  txn: (response: api.TxnResponse): OpResult => ({
    kind: 'txn',
    succeeded: response.succeeded,
    responses: response.responses.map(opOf),
  }),
};

function opOf({ response }: api.TxnResponse['responses'][number]): OpResult {
  switch (response?.$case) {
    case 'responseRange':
      return unwire.range(response.value);
    case 'responsePut':
      return unwire.put(response.value);
    case 'responseDeleteRange':
      return unwire.deleteRange(response.value);
    case 'responseTxn':
      return unwire.txn(response.value);
    default:
      throw new Error('an empty operation in a transaction response');
  }
}
