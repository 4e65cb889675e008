/**
 * What goes into the log: a command in an envelope that names its proposer, as compact bytes.
 *
 * The envelope lets the member that proposed a command find the client that waits for it when
 * the entry comes back committed. The format is a version byte, the envelope and the command,
 * every list and string with its length. Damaged bytes are a `DamagedBytes` error, found in
 * time and memory proportional to the input; nesting is limited on both sides.
 */

import type { NodeId } from '../raft/types';
import { ByteReader, ByteWriter, DamagedBytes } from './bytes';
import { readAlarm, readText, readTexts, writeAlarm, writeText, writeTexts } from './membership';
import { NO_LEASE } from './types';
import type {
  Command,
  Compare,
  CompareResult,
  DeleteRangeRequest,
  PutRequest,
  RangeRequest,
  RequestOp,
  SortOrder,
  SortTarget,
  TxnRequest,
} from './types';

/** A command and who proposed it as which of its proposals. */
export interface Envelope {
  readonly origin: NodeId;
  readonly sequence: number;
  readonly command: Command;
}

/** Transactions within transactions, deeper than any request that passes `checkTxn`. */
export const TXN_DEPTH_MAX = 256;

const FORMAT = 1;

const KINDS = [
  'put',
  'deleteRange',
  'txn',
  'compact',
  'leaseGrant',
  'leaseRevoke',
  'leaseCheckpoint',
  'memberAttributes',
  'alarm',
] as const satisfies readonly Command['kind'][];
const OPS = [
  'none',
  'range',
  'put',
  'deleteRange',
  'txn',
] as const satisfies readonly RequestOp['kind'][];
const RESULTS = [
  'equal',
  'greater',
  'less',
  'notEqual',
] as const satisfies readonly CompareResult[];
const TARGETS = [
  'version',
  'create',
  'mod',
  'value',
  'lease',
] as const satisfies readonly Compare['target'][];
const ORDERS = ['none', 'ascend', 'descend'] as const satisfies readonly SortOrder[];
const SORT_TARGETS = [
  'key',
  'version',
  'create',
  'mod',
  'value',
] as const satisfies readonly SortTarget[];

const PREV_KV = 1;
const IGNORE_VALUE = 2;
const IGNORE_LEASE = 4;
const HAS_LEASE = 8;
const PUT_FLAGS = PREV_KV | IGNORE_VALUE | IGNORE_LEASE | HAS_LEASE;
const KEYS_ONLY = 1;
const COUNT_ONLY = 2;
const HAS_BOUNDS = 4;
const RANGE_FLAGS = KEYS_ONLY | COUNT_ONLY | HAS_BOUNDS;

export function encodeCommand(envelope: Envelope): Uint8Array {
  const { command } = envelope;
  const w = new ByteWriter(command.kind === 'put' ? putCapacity(command.request) : 64);
  w.byte(FORMAT);
  w.varint(envelope.origin);
  w.varint(envelope.sequence);
  w.byte(KINDS.indexOf(command.kind));
  writeCommand(w, command);
  return w.release();
}

/** Values in the result are windows on `bytes`. Throws DamagedBytes. */
export function decodeCommand(bytes: Uint8Array): Envelope {
  const r = new ByteReader(bytes);
  checkFormat(r);
  const origin = r.varint();
  const sequence = r.varint();
  const command = readCommand(r);
  r.finish();
  return { origin, sequence, command };
}

/** Whose request it is, the command itself not looked at. Throws DamagedBytes. */
export function decodeOrigin(bytes: Uint8Array): Pick<Envelope, 'origin' | 'sequence'> {
  const r = new ByteReader(bytes);
  checkFormat(r);
  return { origin: r.varint(), sequence: r.varint() };
}

function checkFormat(r: ByteReader): void {
  const format = r.byte();
  if (format !== FORMAT) throw new DamagedBytes(`command format ${format} is not ${FORMAT}`);
}

/** An upper bound, so that a put is written without growing. */
function putCapacity(request: PutRequest): number {
  return request.key.length + request.value.length + 48;
}

function writeCommand(w: ByteWriter, command: Command): void {
  switch (command.kind) {
    case 'put':
      return writePut(w, command.request);
    case 'deleteRange':
      return writeDelete(w, command.request);
    case 'txn':
      return writeTxn(w, command.request, 1);
    case 'compact':
      w.signed(command.request.revision);
      return w.byte(command.request.physical ? 1 : 0);
    case 'leaseGrant':
      w.int64(command.id);
      return w.signed(command.ttlSeconds);
    case 'leaseRevoke':
      return w.int64(command.id);
    case 'leaseCheckpoint':
      w.varint(command.checkpoints.length);
      for (const { id, remainingSeconds } of command.checkpoints) {
        w.int64(id);
        w.signed(remainingSeconds);
      }
      return;
    case 'memberAttributes':
      w.varint(command.id);
      writeText(w, command.name);
      return writeTexts(w, command.clientUrls);
    case 'alarm':
      w.byte(command.raised ? 1 : 0);
      return writeAlarm(w, command.alarm);
  }
}

function readCommand(r: ByteReader): Command {
  const kind = pick(KINDS, r, 'command');
  switch (kind) {
    case 'put':
      return { kind, request: readPut(r) };
    case 'deleteRange':
      return { kind, request: readDelete(r) };
    case 'txn':
      return { kind, request: readTxn(r, 1) };
    case 'compact':
      return { kind, request: { revision: r.signed(), physical: flags(r, 1) === 1 } };
    case 'leaseGrant':
      return { kind, id: r.int64(), ttlSeconds: r.signed() };
    case 'leaseRevoke':
      return { kind, id: r.int64() };
    case 'leaseCheckpoint':
      return {
        kind,
        checkpoints: list(r, () => ({ id: r.int64(), remainingSeconds: r.signed() })),
      };
    case 'memberAttributes':
      return { kind, id: r.varint(), name: readText(r), clientUrls: readTexts(r) };
    case 'alarm':
      return { kind, raised: flags(r, 1) === 1, alarm: readAlarm(r) };
  }
}

function writePut(w: ByteWriter, request: PutRequest): void {
  const leased = request.lease !== NO_LEASE;
  w.byte(
    (request.prevKv ? PREV_KV : 0) |
      (request.ignoreValue ? IGNORE_VALUE : 0) |
      (request.ignoreLease ? IGNORE_LEASE : 0) |
      (leased ? HAS_LEASE : 0),
  );
  if (leased) w.int64(request.lease);
  w.string(request.key);
  w.bytes(request.value);
}

function readPut(r: ByteReader): PutRequest {
  const bits = flags(r, PUT_FLAGS);
  const lease = (bits & HAS_LEASE) === 0 ? NO_LEASE : r.int64();
  return {
    key: r.string(),
    value: r.bytes(),
    lease,
    prevKv: (bits & PREV_KV) !== 0,
    ignoreValue: (bits & IGNORE_VALUE) !== 0,
    ignoreLease: (bits & IGNORE_LEASE) !== 0,
  };
}

function writeDelete(w: ByteWriter, request: DeleteRangeRequest): void {
  w.byte(request.prevKv ? PREV_KV : 0);
  w.string(request.key);
  w.string(request.rangeEnd);
}

function readDelete(r: ByteReader): DeleteRangeRequest {
  const prevKv = flags(r, PREV_KV) !== 0;
  return { key: r.string(), rangeEnd: r.string(), prevKv };
}

function writeRange(w: ByteWriter, request: RangeRequest): void {
  const bounds = [
    request.minModRevision,
    request.maxModRevision,
    request.minCreateRevision,
    request.maxCreateRevision,
  ];
  const bounded = bounds.some((bound) => bound !== 0);
  w.byte(
    (request.keysOnly ? KEYS_ONLY : 0) |
      (request.countOnly ? COUNT_ONLY : 0) |
      (bounded ? HAS_BOUNDS : 0),
  );
  w.byte(ORDERS.indexOf(request.sortOrder) | (SORT_TARGETS.indexOf(request.sortTarget) << 4));
  w.string(request.key);
  w.string(request.rangeEnd);
  w.signed(request.limit);
  w.signed(request.revision);
  if (bounded) for (const bound of bounds) w.signed(bound);
}

function readRange(r: ByteReader): RangeRequest {
  const bits = flags(r, RANGE_FLAGS);
  const sort = r.byte();
  const sortOrder = ORDERS[sort & 0xf];
  const sortTarget = SORT_TARGETS[sort >> 4];
  if (sortOrder === undefined || sortTarget === undefined) {
    throw new DamagedBytes(`no sort order and target is numbered ${sort}`);
  }
  const bounded = (bits & HAS_BOUNDS) !== 0;
  return {
    key: r.string(),
    rangeEnd: r.string(),
    limit: r.signed(),
    revision: r.signed(),
    sortOrder,
    sortTarget,
    keysOnly: (bits & KEYS_ONLY) !== 0,
    countOnly: (bits & COUNT_ONLY) !== 0,
    minModRevision: bounded ? r.signed() : 0,
    maxModRevision: bounded ? r.signed() : 0,
    minCreateRevision: bounded ? r.signed() : 0,
    maxCreateRevision: bounded ? r.signed() : 0,
  };
}

function writeTxn(w: ByteWriter, request: TxnRequest, depth: number): void {
  if (depth > TXN_DEPTH_MAX) {
    throw new RangeError(`a transaction nests deeper than ${TXN_DEPTH_MAX} levels`);
  }
  w.varint(request.compare.length);
  for (const compare of request.compare) writeCompare(w, compare);
  for (const branch of [request.success, request.failure]) {
    w.varint(branch.length);
    for (const op of branch) writeOp(w, op, depth);
  }
}

function readTxn(r: ByteReader, depth: number): TxnRequest {
  if (depth > TXN_DEPTH_MAX) {
    throw new DamagedBytes(`a transaction nests deeper than ${TXN_DEPTH_MAX} levels`);
  }
  return {
    compare: list(r, () => readCompare(r)),
    success: list(r, () => readOp(r, depth)),
    failure: list(r, () => readOp(r, depth)),
  };
}

function writeOp(w: ByteWriter, op: RequestOp, depth: number): void {
  w.byte(OPS.indexOf(op.kind));
  switch (op.kind) {
    case 'none':
      return;
    case 'range':
      return writeRange(w, op.request);
    case 'put':
      return writePut(w, op.request);
    case 'deleteRange':
      return writeDelete(w, op.request);
    case 'txn':
      return writeTxn(w, op.request, depth + 1);
  }
}

function readOp(r: ByteReader, depth: number): RequestOp {
  const kind = pick(OPS, r, 'operation');
  switch (kind) {
    case 'none':
      return { kind };
    case 'range':
      return { kind, request: readRange(r) };
    case 'put':
      return { kind, request: readPut(r) };
    case 'deleteRange':
      return { kind, request: readDelete(r) };
    case 'txn':
      return { kind, request: readTxn(r, depth + 1) };
  }
}

function writeCompare(w: ByteWriter, compare: Compare): void {
  w.byte(TARGETS.indexOf(compare.target) | (RESULTS.indexOf(compare.result) << 4));
  w.string(compare.key);
  w.string(compare.rangeEnd);
  switch (compare.target) {
    case 'value':
      return w.bytes(compare.operand);
    case 'lease':
      return w.int64(compare.operand);
    default:
      return w.signed(compare.operand);
  }
}

function readCompare(r: ByteReader): Compare {
  const byte = r.byte();
  const target = TARGETS[byte & 0xf];
  const result = RESULTS[byte >> 4];
  if (target === undefined || result === undefined) {
    throw new DamagedBytes(`no comparison is numbered ${byte}`);
  }
  const key = r.string();
  const rangeEnd = r.string();
  switch (target) {
    case 'value':
      return { result, target, key, rangeEnd, operand: r.bytes() };
    case 'lease':
      return { result, target, key, rangeEnd, operand: r.int64() };
    default:
      return { result, target, key, rangeEnd, operand: r.signed() };
  }
}

function list<T>(r: ByteReader, read: () => T): T[] {
  const count = r.varint();
  // Each item takes at least one byte, so a damaged count cannot make us reserve or loop for long.
  if (count > r.remaining) {
    throw new DamagedBytes(`a list of ${count} items in ${r.remaining} bytes`);
  }
  const items: T[] = [];
  for (let i = 0; i < count; i++) items.push(read());
  return items;
}

function pick<T>(names: readonly T[], r: ByteReader, what: string): T {
  const number = r.byte();
  const name = names[number];
  if (name === undefined) throw new DamagedBytes(`no ${what} is numbered ${number}`);
  return name;
}

function flags(r: ByteReader, known: number): number {
  const bits = r.byte();
  if ((bits & ~known) !== 0) throw new DamagedBytes(`unknown flags ${bits}, known are ${known}`);
  return bits;
}
