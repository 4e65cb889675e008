/**
 * Requests as people write them, and the messages they stand for.
 *
 * Keys and values may be strings (UTF-8) or bytes, numbers stand for int64. Whoever needs to send
 * what no sane client would (enums out of range, empty messages) hands `EtcdClient.call` a raw
 * message instead.
 */
import type {
  Compare,
  DeleteRangeRequest,
  PutRequest,
  RangeRequest,
  RequestOp,
  TxnRequest,
} from '../api';
import {
  Compare_CompareResult,
  Compare_CompareTarget,
  RangeRequest_SortOrder,
  RangeRequest_SortTarget,
} from '../api';

export type Bytes = string | Uint8Array;

/** End of the range that holds all keys from the given one on. */
export const FROM_KEY = '\0';

export interface RangeInit {
  readonly key: Bytes;
  /** Default: the single key. `FROM_KEY`: everything from `key` on. */
  readonly rangeEnd?: Bytes;
  readonly limit?: number;
  readonly revision?: number;
  readonly sortOrder?: 'none' | 'ascend' | 'descend';
  readonly sortTarget?: 'key' | 'version' | 'create' | 'mod' | 'value';
  /** Default false: linearizable. */
  readonly serializable?: boolean;
  readonly keysOnly?: boolean;
  readonly countOnly?: boolean;
  readonly minModRevision?: number;
  readonly maxModRevision?: number;
  readonly minCreateRevision?: number;
  readonly maxCreateRevision?: number;
}

export interface PutInit {
  readonly key: Bytes;
  readonly value: Bytes;
  readonly lease?: bigint;
  readonly prevKv?: boolean;
  readonly ignoreValue?: boolean;
  readonly ignoreLease?: boolean;
}

export interface DeleteRangeInit {
  readonly key: Bytes;
  readonly rangeEnd?: Bytes;
  readonly prevKv?: boolean;
}

export type CompareInit = {
  readonly key: Bytes;
  readonly rangeEnd?: Bytes;
  /** Default `equal`. */
  readonly result?: 'equal' | 'greater' | 'less' | 'notEqual';
} & (
  | { readonly target: 'version' | 'create' | 'mod'; readonly operand: number }
  | { readonly target: 'value'; readonly operand: Bytes }
  | { readonly target: 'lease'; readonly operand: bigint }
);

export type OpInit =
  | ({ readonly op: 'range' } & RangeInit)
  | ({ readonly op: 'put' } & PutInit)
  | ({ readonly op: 'delete' } & DeleteRangeInit)
  | ({ readonly op: 'txn' } & TxnInit);

export interface TxnInit {
  readonly compare?: readonly CompareInit[];
  readonly success?: readonly OpInit[];
  readonly failure?: readonly OpInit[];
}

const sortOrders = {
  none: RangeRequest_SortOrder.NONE,
  ascend: RangeRequest_SortOrder.ASCEND,
  descend: RangeRequest_SortOrder.DESCEND,
} as const;

const sortTargets = {
  key: RangeRequest_SortTarget.KEY,
  version: RangeRequest_SortTarget.VERSION,
  create: RangeRequest_SortTarget.CREATE,
  mod: RangeRequest_SortTarget.MOD,
  value: RangeRequest_SortTarget.VALUE,
} as const;

const compareResults = {
  equal: Compare_CompareResult.EQUAL,
  greater: Compare_CompareResult.GREATER,
  less: Compare_CompareResult.LESS,
  notEqual: Compare_CompareResult.NOT_EQUAL,
} as const;

/** UTF-8 bytes of a string; bytes as they are, not copied. */
export function toBuffer(bytes: Bytes | undefined): Buffer {
  if (bytes === undefined) return Buffer.alloc(0);
  if (typeof bytes === 'string') return Buffer.from(bytes, 'utf8');
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** The end of the range of all keys that begin with `prefix`. */
export function prefixEnd(prefix: Bytes): Buffer {
  const end = Buffer.from(toBuffer(prefix));
  for (let last = end.length - 1; last >= 0; last--) {
    const byte = end[last]!;
    if (byte < 0xff) {
      end[last] = byte + 1;
      return end.subarray(0, last + 1);
    }
  }
  return Buffer.from(FROM_KEY);
}

export function rangeRequest(init: RangeInit): RangeRequest {
  return {
    key: toBuffer(init.key),
    rangeEnd: toBuffer(init.rangeEnd),
    limit: BigInt(init.limit ?? 0),
    revision: BigInt(init.revision ?? 0),
    sortOrder: sortOrders[init.sortOrder ?? 'none'],
    sortTarget: sortTargets[init.sortTarget ?? 'key'],
    serializable: init.serializable ?? false,
    keysOnly: init.keysOnly ?? false,
    countOnly: init.countOnly ?? false,
    minModRevision: BigInt(init.minModRevision ?? 0),
    maxModRevision: BigInt(init.maxModRevision ?? 0),
    minCreateRevision: BigInt(init.minCreateRevision ?? 0),
    maxCreateRevision: BigInt(init.maxCreateRevision ?? 0),
  };
}

export function putRequest(init: PutInit): PutRequest {
  return {
    key: toBuffer(init.key),
    value: toBuffer(init.value),
    lease: init.lease ?? 0n,
    prevKv: init.prevKv ?? false,
    ignoreValue: init.ignoreValue ?? false,
    ignoreLease: init.ignoreLease ?? false,
  };
}

export function deleteRangeRequest(init: DeleteRangeInit): DeleteRangeRequest {
  return {
    key: toBuffer(init.key),
    rangeEnd: toBuffer(init.rangeEnd),
    prevKv: init.prevKv ?? false,
  };
}

export function txnRequest(init: TxnInit): TxnRequest {
  return {
    compare: (init.compare ?? []).map(compare),
    success: (init.success ?? []).map(requestOp),
    failure: (init.failure ?? []).map(requestOp),
  };
}

function compare(init: CompareInit): Compare {
  return {
    result: compareResults[init.result ?? 'equal'],
    key: toBuffer(init.key),
    rangeEnd: toBuffer(init.rangeEnd),
    ...compareTarget(init),
  };
}

function compareTarget(init: CompareInit): Pick<Compare, 'target' | 'targetUnion'> {
  switch (init.target) {
    case 'version':
      return {
        target: Compare_CompareTarget.VERSION,
        targetUnion: { $case: 'version', value: BigInt(init.operand) },
      };
    case 'create':
      return {
        target: Compare_CompareTarget.CREATE,
        targetUnion: { $case: 'createRevision', value: BigInt(init.operand) },
      };
    case 'mod':
      return {
        target: Compare_CompareTarget.MOD,
        targetUnion: { $case: 'modRevision', value: BigInt(init.operand) },
      };
    case 'value':
      return {
        target: Compare_CompareTarget.VALUE,
        targetUnion: { $case: 'value', value: toBuffer(init.operand) },
      };
    case 'lease':
      return {
        target: Compare_CompareTarget.LEASE,
        targetUnion: { $case: 'lease', value: init.operand },
      };
  }
}

function requestOp(init: OpInit): RequestOp {
  switch (init.op) {
    case 'range':
      return { request: { $case: 'requestRange', value: rangeRequest(init) } };
    case 'put':
      return { request: { $case: 'requestPut', value: putRequest(init) } };
    case 'delete':
      return { request: { $case: 'requestDeleteRange', value: deleteRangeRequest(init) } };
    case 'txn':
      return { request: { $case: 'requestTxn', value: txnRequest(init) } };
  }
}
