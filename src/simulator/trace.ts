/**
 * What happened, as numbers: a ring of the newest records, and a rolling hash over all of them.
 *
 * The hash is the identity of a run: two runs of one plan must end with the same hash, and a
 * replay that ends with another one found nondeterminism. Nothing is rendered while a run goes
 * on; `columns.ts` turns the ring into text once there is somebody to read it.
 */
import type { Message, MessageType } from '../raft/types';

/** What a record says; its fields `a` to `g` depend on it (see `columns.ts`). */
export const TraceKind = {
  timer: 1,
  turn: 2,
  sync: 3,
  deliver: 4,
  drop: 5,
  crash: 6,
  restart: 7,
  fault: 8,
  heal: 9,
  invoke: 10,
  complete: 11,
  state: 12,
  chunk: 13,
  watch: 14,
} as const;

export type TraceCode = (typeof TraceKind)[keyof typeof TraceKind];

export const MESSAGE_TYPES: readonly MessageType[] = [
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

const MESSAGE_CODES = Object.fromEntries(
  MESSAGE_TYPES.map((type, code) => [type, code]),
) as Readonly<Record<MessageType, number>>;

/** One record as it is read back; the fields mean what `kind` says. */
export interface TraceRecord {
  readonly timeUs: number;
  readonly event: number;
  readonly kind: TraceCode;
  readonly member: number;
  readonly a: number;
  readonly b: number;
  readonly c: number;
  readonly d: number;
  readonly e: number;
  readonly f: number;
  readonly g: number;
}

const STRIDE = 11;
const TWO_TO_32 = 4294967296;

export class Trace {
  private readonly ring: Float64Array;
  private written = 0;
  private low = 0x9e3779b9 | 0;
  private high = 0x85ebca6b | 0;

  /** `recordsMax` newest records are kept, default 4096: the end of a run and its prelude. */
  constructor(private readonly recordsMax = 4096) {
    this.ring = new Float64Array(recordsMax * STRIDE);
  }

  /** Identity of everything recorded so far: 16 hexadecimal digits. */
  get hash(): string {
    return hex(this.high) + hex(this.low);
  }

  record(
    timeUs: number,
    event: number,
    kind: TraceCode,
    member: number,
    a = 0,
    b = 0,
    c = 0,
    d = 0,
    e = 0,
    f = 0,
    g = 0,
  ): void {
    const ring = this.ring;
    let at = (this.written++ % this.recordsMax) * STRIDE;
    ring[at++] = timeUs;
    ring[at++] = event;
    ring[at++] = kind;
    ring[at++] = member;
    ring[at++] = a;
    ring[at++] = b;
    ring[at++] = c;
    ring[at++] = d;
    ring[at++] = e;
    ring[at++] = f;
    ring[at] = g;
    this.mix(timeUs, kind * 64 + member);
    this.mix(a + b * 4096, c + d * 65536);
    this.mix(e + f * 65536, g);
  }

  /** Only hashes: for events too frequent and too dull to be shown. */
  note(timeUs: number, kind: TraceCode, member: number): void {
    this.mix(timeUs, kind * 64 + member);
  }

  message(timeUs: number, event: number, kind: TraceCode, to: number, message: Message): void {
    const flags = MESSAGE_CODES[message.type] * 2 + (message.reject ? 1 : 0);
    this.record(
      timeUs,
      event,
      kind,
      to,
      message.from,
      flags,
      message.term,
      message.index,
      message.commit,
      message.entries.length,
      message.logTerm,
    );
  }

  /** The newest records, oldest first. */
  records(): TraceRecord[] {
    const count = Math.min(this.written, this.recordsMax);
    const records: TraceRecord[] = [];
    for (let i = this.written - count; i < this.written; i++) {
      const at = (i % this.recordsMax) * STRIDE;
      const field = (offset: number): number => this.ring[at + offset]!;
      records.push({
        timeUs: field(0),
        event: field(1),
        kind: field(2) as TraceCode,
        member: field(3),
        a: field(4),
        b: field(5),
        c: field(6),
        d: field(7),
        e: field(8),
        f: field(9),
        g: field(10),
      });
    }
    return records;
  }

  private mix(left: number, right: number): void {
    let low = this.low ^ (left | 0) ^ Math.imul((left / TWO_TO_32) | 0, 0x27d4eb2f);
    let high = this.high ^ (right | 0) ^ Math.imul((right / TWO_TO_32) | 0, 0x165667b1);
    low = Math.imul(low ^ (low >>> 15), 0x2c1b3c6d);
    high = Math.imul(high ^ (high >>> 13), 0x297a2d39);
    this.low = (low ^ (high >>> 16)) | 0;
    this.high = (high + Math.imul(low, 0x85ebca77)) | 0;
  }
}

function hex(value: number): string {
  return (value >>> 0).toString(16).padStart(8, '0');
}
