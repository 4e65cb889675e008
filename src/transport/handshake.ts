/**
 * The first frame each way on a connection. The dialling member says who it is, whom it means
 * and which cluster it belongs to; the other one welcomes it or says why not. Two clusters whose
 * addresses were mixed up must never exchange a single Raft message.
 */
import type { NodeId } from '../raft/types';
import { ByteReader, ByteWriter, CodecError } from './byteCodec';

const MAGIC = 0x52435031;
/** A hello or an answer is never longer. */
export const HANDSHAKE_BYTES_MAX = 1024;
const CLUSTER_ID_BYTES_MAX = 256;
/** Begin the frames that take a hello's place: questions from whoever does not take part yet. */
const QUERY_MAGIC = 0x52435051;
const HASH_QUERY_MAGIC = 0x52435048;
/** What a removed member is told by everybody; the word of one is enough, as ids never return. */
export const REMOVED_REFUSAL = 'this member was removed from the cluster';

export interface Hello {
  readonly clusterId: string;
  readonly from: NodeId;
  readonly to: NodeId;
}

export function encodeHello(hello: Hello): Uint8Array {
  const id = new TextEncoder().encode(hello.clusterId);
  if (id.length > CLUSTER_ID_BYTES_MAX) {
    throw new RangeError(`a cluster id of ${id.length} bytes; at most ${CLUSTER_ID_BYTES_MAX}`);
  }
  const writer = new ByteWriter();
  writer.uint32(MAGIC);
  writer.varint(hello.from);
  writer.varint(hello.to);
  writer.varint(id.length);
  writer.data(id);
  return writer.finish()[0]!;
}

export type PeerQuery =
  /** Who the members are. */
  | { readonly kind: 'members' }
  /** The hash of the keys at a revision. */
  | { readonly kind: 'hashKv'; readonly revision: number };

export function encodeQuery(query: PeerQuery): Uint8Array {
  const writer = new ByteWriter();
  if (query.kind === 'members') writer.uint32(QUERY_MAGIC);
  else {
    writer.uint32(HASH_QUERY_MAGIC);
    writer.varint(query.revision);
  }
  return writer.finish()[0]!;
}

/** Undefined for a frame that is no query. Throws CodecError for one that is cut off. */
export function decodeQuery(frame: Uint8Array): PeerQuery | undefined {
  if (frame.length < 4) return undefined;
  const reader = new ByteReader(frame);
  const magic = reader.uint32();
  if (magic === QUERY_MAGIC && frame.length === 4) return { kind: 'members' };
  if (magic !== HASH_QUERY_MAGIC) return undefined;
  const query = { kind: 'hashKv', revision: reader.varint() } as const;
  reader.end();
  return query;
}

/** Throws CodecError. */
export function decodeHello(frame: Uint8Array): Hello {
  const reader = new ByteReader(frame);
  if (reader.uint32() !== MAGIC) throw new CodecError('this is not a member of any cluster');
  const from = reader.varint();
  const to = reader.varint();
  const clusterId = new TextDecoder().decode(reader.data(reader.varint()));
  reader.end();
  return { clusterId, from, to };
}

/** `refusal` is empty for a welcome. */
export function encodeAnswer(refusal: string): Uint8Array {
  const text = new TextEncoder().encode(refusal).subarray(0, HANDSHAKE_BYTES_MAX - 16);
  const writer = new ByteWriter();
  writer.uint32(MAGIC);
  writer.varint(text.length);
  writer.data(text);
  // The text may be a part of its own; an answer is rare enough to be copied together.
  const parts = writer.finish();
  const answer = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    answer.set(part, at);
    at += part.length;
  }
  return answer;
}

/** The refusal, or undefined for a welcome. Throws CodecError. */
export function decodeAnswer(frame: Uint8Array): string | undefined {
  const reader = new ByteReader(frame);
  if (reader.uint32() !== MAGIC) throw new CodecError('the answer is not a member of any cluster');
  const text = new TextDecoder().decode(reader.data(reader.varint()));
  reader.end();
  return text === '' ? undefined : text;
}

/** Why a hello is not welcome here, or undefined. */
export function refusalOf(
  hello: Hello,
  here: { clusterId: string; id: NodeId; removed?: ReadonlySet<NodeId> },
): string | undefined {
  if (hello.clusterId !== here.clusterId) {
    return `this is cluster ${here.clusterId}, not ${hello.clusterId}`;
  }
  if (hello.to !== here.id) return `this is member ${here.id}, not ${hello.to}`;
  if (here.removed?.has(hello.from)) return REMOVED_REFUSAL;
  if (hello.from === here.id) return `member ${hello.from} calls itself`;
  return undefined;
}
