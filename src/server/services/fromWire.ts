/**
 * Requests off the wire as the state machine takes them.
 *
 * A client may send anything that can be encoded: enums out of range, a comparison whose operand
 * is of another kind than its target (which stops the process of older etcds), integers that no
 * double holds. Enums and operands that mean nothing are refused here, before anything reaches the
 * log; integers beyond 2^53 become 2^53 - 1, a revision that lies in the future of every store.
 */
import {
  Compare_CompareResult,
  Compare_CompareTarget,
  RangeRequest_SortOrder,
  RangeRequest_SortTarget,
  type Compare as WireCompare,
  type DeleteRangeRequest as WireDeleteRange,
  type PutRequest as WirePut,
  type RangeRequest as WireRange,
  type RequestOp as WireOp,
  type TxnRequest as WireTxn,
} from '../../api';
import type {
  Compare,
  CompareResult,
  DeleteRangeRequest,
  Key,
  PutRequest,
  RangeRequest,
  RequestOp,
  SortOrder,
  SortTarget,
  TxnRequest,
} from '../../kv/types';
import { serviceRefusals } from '../errors';

/** The nearest integer that a double holds exactly. */
export function toNumber(value: bigint): number {
  return Math.max(Number.MIN_SAFE_INTEGER, Math.min(Number.MAX_SAFE_INTEGER, Number(value)));
}

/** Keys are binary strings inside: one character a byte. */
export function toKey(bytes: Buffer): Key {
  return bytes.toString('latin1');
}

const sortOrders: Readonly<Record<number, SortOrder>> = {
  [RangeRequest_SortOrder.NONE]: 'none',
  [RangeRequest_SortOrder.ASCEND]: 'ascend',
  [RangeRequest_SortOrder.DESCEND]: 'descend',
};

const sortTargets: Readonly<Record<number, SortTarget>> = {
  [RangeRequest_SortTarget.KEY]: 'key',
  [RangeRequest_SortTarget.VERSION]: 'version',
  [RangeRequest_SortTarget.CREATE]: 'create',
  [RangeRequest_SortTarget.MOD]: 'mod',
  [RangeRequest_SortTarget.VALUE]: 'value',
};

const compareResults: Readonly<Record<number, CompareResult>> = {
  [Compare_CompareResult.EQUAL]: 'equal',
  [Compare_CompareResult.GREATER]: 'greater',
  [Compare_CompareResult.LESS]: 'less',
  [Compare_CompareResult.NOT_EQUAL]: 'notEqual',
};

/** Throws Refused for a sort option that does not exist. */
export function rangeFromWire(request: WireRange): RangeRequest {
  const sortOrder = sortOrders[request.sortOrder];
  const sortTarget = sortTargets[request.sortTarget];
  if (sortOrder === undefined || sortTarget === undefined) throw serviceRefusals.invalidSort();
  return {
    key: toKey(request.key),
    rangeEnd: toKey(request.rangeEnd),
    limit: toNumber(request.limit),
    revision: toNumber(request.revision),
    sortOrder,
    sortTarget,
    keysOnly: request.keysOnly,
    countOnly: request.countOnly,
    minModRevision: toNumber(request.minModRevision),
    maxModRevision: toNumber(request.maxModRevision),
    minCreateRevision: toNumber(request.minCreateRevision),
    maxCreateRevision: toNumber(request.maxCreateRevision),
  };
}

export function putFromWire(request: WirePut): PutRequest {
  return {
    key: toKey(request.key),
    value: request.value,
    lease: request.lease,
    prevKv: request.prevKv,
    ignoreValue: request.ignoreValue,
    ignoreLease: request.ignoreLease,
  };
}

export function deleteRangeFromWire(request: WireDeleteRange): DeleteRangeRequest {
  return {
    key: toKey(request.key),
    rangeEnd: toKey(request.rangeEnd),
    prevKv: request.prevKv,
  };
}

/** Throws Refused for what no comparison can mean. */
export function txnFromWire(request: WireTxn): TxnRequest {
  return {
    compare: request.compare.map(compareFromWire),
    success: request.success.map(opFromWire),
    failure: request.failure.map(opFromWire),
  };
}

function opFromWire({ request }: WireOp): RequestOp {
  switch (request?.$case) {
    case 'requestRange':
      return { kind: 'range', request: rangeFromWire(request.value) };
    case 'requestPut':
      return { kind: 'put', request: putFromWire(request.value) };
    case 'requestDeleteRange':
      return { kind: 'deleteRange', request: deleteRangeFromWire(request.value) };
    case 'requestTxn':
      return { kind: 'txn', request: txnFromWire(request.value) };
    case undefined:
      return { kind: 'none' };
  }
}

function compareFromWire(compare: WireCompare): Compare {
  const result = compareResults[compare.result];
  if (result === undefined) throw serviceRefusals.invalidCompare(`result ${compare.result}`);
  const base = { result, key: toKey(compare.key), rangeEnd: toKey(compare.rangeEnd) };
  const operand = compare.targetUnion;
  const mismatch = (target: string) =>
    serviceRefusals.invalidCompare(`target ${target} with operand ${operand?.$case}`);
  // A missing operand is 0, or no bytes: proto3 does not tell them apart.
  switch (compare.target) {
    case Compare_CompareTarget.VERSION:
      if (operand === undefined) return { ...base, target: 'version', operand: 0 };
      if (operand.$case !== 'version') throw mismatch('VERSION');
      return { ...base, target: 'version', operand: toNumber(operand.value) };
    case Compare_CompareTarget.CREATE:
      if (operand === undefined) return { ...base, target: 'create', operand: 0 };
      if (operand.$case !== 'createRevision') throw mismatch('CREATE');
      return { ...base, target: 'create', operand: toNumber(operand.value) };
    case Compare_CompareTarget.MOD:
      if (operand === undefined) return { ...base, target: 'mod', operand: 0 };
      if (operand.$case !== 'modRevision') throw mismatch('MOD');
      return { ...base, target: 'mod', operand: toNumber(operand.value) };
    case Compare_CompareTarget.VALUE:
      if (operand === undefined) return { ...base, target: 'value', operand: new Uint8Array(0) };
      if (operand.$case !== 'value') throw mismatch('VALUE');
      return { ...base, target: 'value', operand: operand.value };
    case Compare_CompareTarget.LEASE:
      if (operand === undefined) return { ...base, target: 'lease', operand: 0n };
      if (operand.$case !== 'lease') throw mismatch('LEASE');
      return { ...base, target: 'lease', operand: operand.value };
    default:
      throw serviceRefusals.invalidCompare(`target ${compare.target as number}`);
  }
}

/**
 * Whether etcd would answer a transaction from its own state without asking the leader: nothing
 * in it but serializable ranges.
 */
export function isSerializableTxn(request: WireTxn): boolean {
  return [...request.success, ...request.failure].every(
    ({ request: op }) => op?.$case === 'requestRange' && op.value.serializable,
  );
}
