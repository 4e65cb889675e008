/**
 * Peer messages in bytes, in a compact form: one tag byte per message, a set of flags for the
 * fields that are not zero, numbers as base-128 varints (a heartbeat takes about 20 bytes).
 *
 *   crc u32 over the rest | version u8 | kind u8 | body
 *
 * Entry and chunk data are parts of their own, never copied on the way out; on the way in they
 * are views of the received bytes. The decoder trusts nothing: every length and count is held
 * against the bytes that are there before anything is allocated, and a message must end exactly
 * where its bytes do.
 */
import type {
  ConfState,
  Entry,
  EntryType,
  Message,
  MessageType,
  SnapshotMetadata,
} from '../raft/types';
import { crc32 as portableCrc32 } from '../storage/crc32';
import { ByteReader, ByteWriter, INLINE_BYTES_MAX, CodecError } from './byteCodec';
import { FRAME_HEADER_BYTES } from './frames';
import type {
  LeaseAnswer,
  LeaseQuestion,
  PeerAnswer,
  PeerCall,
  PeerMessage,
  SnapshotAck,
  SnapshotChunk,
} from './transport';

export { CodecError };

export const WIRE_VERSION = 1;

type Checksum = (bytes: Uint8Array, previous: number) => number;

/** Positions are what travels: append only. */
const MESSAGE_TYPES: readonly MessageType[] = [
  'propose',
  'append',
  'appendResponse',
  'vote',
  'voteResponse',
  'preVote',
  'preVoteResponse',
  'heartbeat',
  'heartbeatResponse',
  'snapshot',
  'readIndex',
  'readIndexResponse',
  'transferLeader',
  'timeoutNow',
  'forgetLeader',
  'persisted',
  'applied',
];
const TYPE_NUMBERS = new Map(MESSAGE_TYPES.map((type, i) => [type, i]));
const ENTRY_TYPES: readonly EntryType[] = ['normal', 'change', 'changeV2'];
const KINDS = [
  'raft',
  'snapshotChunk',
  'snapshotAck',
  'call',
  'answer',
  'leaseQuestion',
  'leaseAnswer',
] as const;
const LEASE_ASKS: readonly LeaseQuestion['ask'][] = ['renew', 'timeToLive'];
const LEASE_OUTCOMES: readonly LeaseAnswer['outcome'][] = ['known', 'missing', 'retry'];

/** Numbers of a message in the order they travel; bit i of the flags says that field i is there. */
const NUMBERS = ['term', 'logTerm', 'index', 'commit', 'rejectHint', 'context'] as const;
const HAS_ENTRIES = 1 << 6;
const HAS_SNAPSHOT = 1 << 7;
const REJECT = 1 << 8;
const TRANSFER = 1 << 9;
const FLAGS_END = 1 << 10;

/** The least an entry takes: term, index, type and length in a byte each. */
const ENTRY_BYTES_MIN = 4;
/** The most, its data aside. */
const ENTRY_BYTES_MAX = 24;

/**
 * The parts of one message; the data of entries and chunks is not copied, so it must not change
 * before the parts are written. `checksum` is any CRC-32, the portable one by default.
 */
export function encodePeerMessage(
  message: PeerMessage,
  checksum: Checksum = portableCrc32,
): Uint8Array[] {
  return encodeParts(message, checksum, 0);
}

/** The same as a frame: with its length before it (see frames.ts). */
export function encodeFrame(message: PeerMessage, checksum: Checksum): Uint8Array[] {
  const parts = encodeParts(message, checksum, FRAME_HEADER_BYTES);
  const length = bytesOf(parts) - FRAME_HEADER_BYTES;
  viewOf(parts[0]!).setUint32(0, length, true);
  return parts;
}

export function bytesOf(parts: readonly Uint8Array[]): number {
  let bytes = 0;
  for (const part of parts) bytes += part.length;
  return bytes;
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
}

/** Leaves `lead` bytes free before the message. */
function encodeParts(message: PeerMessage, checksum: Checksum, lead: number): Uint8Array[] {
  const writer = new ByteWriter(capacityFor(message));
  for (let i = 0; i < lead; i++) writer.byte(0);
  writer.uint32(0);
  writer.byte(WIRE_VERSION);
  writer.byte(KINDS.indexOf(message.kind));
  switch (message.kind) {
    case 'raft':
      writeMessage(writer, message.message);
      break;
    case 'snapshotChunk':
      writeChunk(writer, message);
      break;
    case 'snapshotAck':
      writeAck(writer, message);
      break;
    case 'call':
    case 'answer':
      writeCall(writer, message);
      break;
    case 'leaseQuestion':
      writeLeaseQuestion(writer, message);
      break;
    case 'leaseAnswer':
      writeLeaseAnswer(writer, message);
      break;
  }
  const parts = writer.finish();
  const [first, ...rest] = parts;
  let crc = checksum(first!.subarray(lead + 4), 0);
  for (const part of rest) crc = checksum(part, crc);
  viewOf(first!).setUint32(lead, crc, true);
  return parts;
}

/** Enough for the fixed part and the data that is copied, so that the writer need not grow. */
function capacityFor(message: PeerMessage): number {
  let bytes = 128;
  if (message.kind !== 'raft') return bytes;
  for (const { data } of message.message.entries) {
    if (data.length > INLINE_BYTES_MAX) break;
    bytes += ENTRY_BYTES_MAX + data.length;
  }
  return bytes;
}

/** Throws CodecError for bytes that are not exactly one message. Data are views of `bytes`. */
export function decodePeerMessage(
  bytes: Uint8Array,
  checksum: Checksum = portableCrc32,
): PeerMessage {
  const reader = new ByteReader(bytes);
  const crc = reader.uint32();
  if (checksum(bytes.subarray(4), 0) !== crc) throw new CodecError('the checksum does not match');
  const version = reader.byte();
  if (version !== WIRE_VERSION) {
    throw new CodecError(`wire version ${version}; this program speaks ${WIRE_VERSION}`);
  }
  const kind = oneOf(KINDS, reader.byte(), 'kind');
  const message = readBody(reader, kind);
  reader.end();
  return message;
}

/** About what a message costs while it waits in a queue: its data and a little for the rest. */
export function peerMessageBytes(message: PeerMessage): number {
  const fixed = 128;
  if (message.kind === 'snapshotChunk') return fixed + message.data.length;
  if (message.kind === 'call' || message.kind === 'answer') return fixed + message.body.length;
  if (message.kind !== 'raft') return fixed;
  let bytes = fixed;
  for (const entry of message.message.entries) bytes += 32 + entry.data.length;
  return bytes;
}

function readBody(reader: ByteReader, kind: (typeof KINDS)[number]): PeerMessage {
  switch (kind) {
    case 'raft':
      return { kind, message: readMessage(reader) };
    case 'snapshotChunk':
      return readChunk(reader);
    case 'snapshotAck':
      return readAck(reader);
    case 'call':
    case 'answer':
      return readCall(reader, kind);
    case 'leaseQuestion':
      return readLeaseQuestion(reader);
    case 'leaseAnswer':
      return readLeaseAnswer(reader);
  }
}

function writeMessage(writer: ByteWriter, message: Message): void {
  let flags = 0;
  for (let i = 0; i < NUMBERS.length; i++) if (message[NUMBERS[i]!] !== 0) flags |= 1 << i;
  if (message.entries.length > 0) flags |= HAS_ENTRIES;
  if (message.snapshot !== undefined) flags |= HAS_SNAPSHOT;
  if (message.reject) flags |= REJECT;
  if (message.transfer) flags |= TRANSFER;
  writer.byte(TYPE_NUMBERS.get(message.type)!);
  writer.varint(flags);
  writer.varint(message.from);
  writer.varint(message.to);
  for (const name of NUMBERS) if (message[name] !== 0) writer.varint(message[name]);
  if (message.snapshot !== undefined) writeMetadata(writer, message.snapshot);
  if (message.entries.length === 0) return;
  writer.varint(message.entries.length);
  for (const { term, index, type, data } of message.entries) {
    writer.varint(term);
    writer.varint(index);
    writer.byte(ENTRY_TYPES.indexOf(type));
    writer.varint(data.length);
    writer.data(data);
  }
}

function readMessage(reader: ByteReader): Message {
  const type = oneOf(MESSAGE_TYPES, reader.byte(), 'message type');
  const flags = reader.varint();
  if (flags >= FLAGS_END) throw new CodecError(`flags ${flags} are not known`);
  const from = reader.varint();
  const to = reader.varint();
  const [term, logTerm, index, commit, rejectHint, context] = NUMBERS.map((_, i) =>
    flags & (1 << i) ? reader.varint() : 0,
  );
  const snapshot = flags & HAS_SNAPSHOT ? readMetadata(reader) : undefined;
  const entries = flags & HAS_ENTRIES ? readEntries(reader) : [];
  return {
    type,
    from,
    to,
    term: term!,
    logTerm: logTerm!,
    index: index!,
    entries,
    commit: commit!,
    reject: (flags & REJECT) !== 0,
    rejectHint: rejectHint!,
    context: context!,
    transfer: (flags & TRANSFER) !== 0,
    snapshot,
  };
}

function readEntries(reader: ByteReader): readonly Entry[] {
  const count = reader.count(ENTRY_BYTES_MIN);
  const entries: Entry[] = [];
  for (let i = 0; i < count; i++) {
    const term = reader.varint();
    const index = reader.varint();
    const type = oneOf(ENTRY_TYPES, reader.byte(), 'entry type');
    entries.push({ term, index, type, data: reader.data(reader.varint()) });
  }
  return entries;
}

function writeChunk(writer: ByteWriter, chunk: SnapshotChunk): void {
  for (const n of [chunk.from, chunk.to, chunk.term, chunk.offset, chunk.totalBytes]) {
    writer.varint(n);
  }
  writer.uint32(chunk.crc);
  writeMetadata(writer, chunk.snapshot);
  writer.varint(chunk.data.length);
  writer.data(chunk.data);
}

function readChunk(reader: ByteReader): SnapshotChunk {
  const from = reader.varint();
  const to = reader.varint();
  const term = reader.varint();
  const offset = reader.varint();
  const totalBytes = reader.varint();
  const crc = reader.uint32();
  const snapshot = readMetadata(reader);
  const data = reader.data(reader.varint());
  if (offset + data.length > totalBytes) {
    throw new CodecError(`chunk ends at ${offset + data.length} of ${totalBytes}`);
  }
  return { kind: 'snapshotChunk', from, to, term, snapshot, offset, totalBytes, data, crc };
}

function writeAck(writer: ByteWriter, ack: SnapshotAck): void {
  for (const n of [ack.from, ack.to, ack.term, ack.index, ack.offset]) writer.varint(n);
  writer.byte(ack.done ? 1 : 0);
}

function readAck(reader: ByteReader): SnapshotAck {
  const from = reader.varint();
  const to = reader.varint();
  const term = reader.varint();
  const index = reader.varint();
  const offset = reader.varint();
  return { kind: 'snapshotAck', from, to, term, index, offset, done: reader.flag() };
}

function writeCall(writer: ByteWriter, call: PeerCall | PeerAnswer): void {
  for (const n of [call.from, call.to, call.id, call.body.length]) writer.varint(n);
  writer.data(call.body);
}

function readCall(reader: ByteReader, kind: 'call' | 'answer'): PeerCall | PeerAnswer {
  const from = reader.varint();
  const to = reader.varint();
  const id = reader.varint();
  return { kind, from, to, id, body: reader.data(reader.varint()) };
}

function writeLeaseQuestion(writer: ByteWriter, question: LeaseQuestion): void {
  const { from, to, term, sequence, ask, id } = question;
  for (const n of [from, to, term, sequence]) writer.varint(n);
  writer.byte(LEASE_ASKS.indexOf(ask));
  writer.int64(id);
}

function readLeaseQuestion(reader: ByteReader): LeaseQuestion {
  const from = reader.varint();
  const to = reader.varint();
  const term = reader.varint();
  const sequence = reader.varint();
  const ask = oneOf(LEASE_ASKS, reader.byte(), 'question about a lease');
  return { kind: 'leaseQuestion', from, to, term, sequence, ask, id: reader.int64() };
}

function writeLeaseAnswer(writer: ByteWriter, answer: LeaseAnswer): void {
  const { from, to, sequence, outcome, grantedSeconds, remainingSeconds } = answer;
  for (const n of [from, to, sequence]) writer.varint(n);
  writer.byte(LEASE_OUTCOMES.indexOf(outcome));
  writer.varint(grantedSeconds);
  writer.varint(remainingSeconds);
}

function readLeaseAnswer(reader: ByteReader): LeaseAnswer {
  const from = reader.varint();
  const to = reader.varint();
  const sequence = reader.varint();
  const outcome = oneOf(LEASE_OUTCOMES, reader.byte(), 'answer about a lease');
  const grantedSeconds = reader.varint();
  const remainingSeconds = reader.varint();
  return {
    kind: 'leaseAnswer',
    from,
    to,
    sequence,
    outcome,
    grantedSeconds,
    remainingSeconds,
  };
}

function writeMetadata(writer: ByteWriter, { index, term, conf }: SnapshotMetadata): void {
  writer.varint(index);
  writer.varint(term);
  writer.byte(conf.autoLeave ? 1 : 0);
  for (const list of [conf.voters, conf.learners, conf.votersOutgoing, conf.learnersNext]) {
    writer.varint(list.length);
    for (const id of list) writer.varint(id);
  }
}

function readMetadata(reader: ByteReader): SnapshotMetadata {
  const index = reader.varint();
  const term = reader.varint();
  const autoLeave = reader.flag();
  const ids = (): readonly number[] => {
    const count = reader.count(1);
    const list: number[] = [];
    for (let i = 0; i < count; i++) list.push(reader.varint());
    return list;
  };
  const conf: ConfState = {
    voters: ids(),
    learners: ids(),
    votersOutgoing: ids(),
    learnersNext: ids(),
    autoLeave,
  };
  return { index, term, conf };
}

function oneOf<T>(values: readonly T[], position: number, what: string): T {
  const value = values[position];
  if (value === undefined) throw new CodecError(`${what} ${position} is not known`);
  return value;
}
