/**
 * A snapshot on its way from a leader to a follower: chunk by chunk over a network that loses,
 * repeats and breaks off, with the real sender, receiver and stores on simulated disks.
 */
import type { Message, SnapshotMetadata } from '../raft/types';
import { emptyMessage } from '../raft';
import { SnapshotStore } from '../storage/snapshotStore';
import type { SnapshotAck, SnapshotChunk } from '../transport/transport';
import { resolveDriverOptions } from './driverOptions';
import { SnapshotReceiver } from './snapshotReceiver';
import { SnapshotSender } from './snapshotSender';
import { testDisk } from './testing/testDisk';
import { TestRuntime } from './testing/testRuntime';

const CHUNK_BYTES = 10;
const RETRY_MS = 1_000;
const STALL_MS = 10_000;
const metadata: SnapshotMetadata = {
  index: 7,
  term: 2,
  conf: { voters: [1, 2], learners: [], votersOutgoing: [], learnersNext: [], autoLeave: false },
};
const payload = Uint8Array.from({ length: 95 }, (_, i) => i);

function setUp() {
  /** How a snapshot is read into the state: at once, unless a test takes its time. */
  const installing = { prepare: (done: () => void) => done(), matchIndex: 0 };
  const runtime = new TestRuntime();
  const options = resolveDriverOptions({
    id: 1,
    snapshotChunkBytes: CHUNK_BYTES,
    snapshotRetryMs: RETRY_MS,
    snapshotStallMs: STALL_MS,
  });
  const source = SnapshotStore.open(testDisk(runtime), 'snap');
  const target = SnapshotStore.open(testDisk(runtime), 'snap');
  const chunks: SnapshotChunk[] = [];
  const acks: SnapshotAck[] = [];
  const delivered: Message[] = [];
  const reports: string[] = [];
  const sender = new SnapshotSender(1, source, runtime, options, {
    send: (chunk) => chunks.push(chunk),
    report: (to, ok) => reports.push(`${to} ${ok}`),
  });
  const receiver = new SnapshotReceiver(target, {
    send: (ack) => acks.push(ack),
    prepare: (_, done) => installing.prepare(done),
    deliver: (message) => delivered.push(message),
    failed: (error) => {
      throw error;
    },
  });
  const writer = source.create(metadata);
  writer.append(payload);
  let stored = false;
  writer.commit(() => (stored = true));
  runtime.advance(100);
  expect(stored).toBe(true);
  const start = (): void =>
    sender.start({ ...emptyMessage('snapshot', 1, 2, 5), snapshot: metadata });
  /** Carries messages both ways; `lose` decides about each. Ends when nothing is left. */
  const carry = (lose: () => boolean = () => false): void => {
    for (let round = 0; round < 1_000 && chunks.length + acks.length > 0; round++) {
      for (const chunk of chunks.splice(0)) if (!lose()) receiver.receive(chunk, 0);
      runtime.advance(1);
      for (const ack of acks.splice(0)) if (!lose()) sender.acknowledged(ack);
    }
  };
  const tick = (ms: number): void => {
    runtime.advance(ms);
    sender.tick(runtime.nowMs(), () => installing.matchIndex);
  };
  const received = (): Uint8Array => target.open(metadata).read(0, 1_000);
  const parts = { sender, receiver, start, carry, tick, chunks, acks };
  return { ...parts, delivered, reports, received, installing };
}

describe('a snapshot transfer', () => {
  it('delivers all bytes, then the message for the core, then one report', () => {
    const { sender, start, carry, delivered, reports, received } = setUp();
    start();
    expect(sender.isSendingTo(2)).toBe(true);
    carry();
    expect(sender.isSendingTo(2)).toBe(false);
    expect(sender.outcomesOf(2)).toEqual({ sent: 1, failed: 0 });
    expect(received()).toEqual(payload);
    expect(delivered).toMatchObject([{ type: 'snapshot', from: 1, to: 2, term: 5 }]);
    expect(reports).toEqual(['2 true']);
  });

  it('never has more than one chunk under way', () => {
    const { start, chunks, receiver, acks, sender } = setUp();
    start();
    expect(chunks).toHaveLength(1);
    receiver.receive(chunks[0]!, 0);
    receiver.receive(chunks[0]!, 0);
    for (const ack of acks.splice(0)) sender.acknowledged(ack);
    expect(chunks.map((chunk) => chunk.offset)).toEqual([0, CHUNK_BYTES]);
    expect(Math.max(...chunks.map((chunk) => chunk.data.length))).toBe(CHUNK_BYTES);
  });

  it('gets through although every third message is lost', () => {
    const { start, carry, tick, reports, received } = setUp();
    let sent = 0;
    start();
    for (let i = 0; i < 40 && reports.length === 0; i++) {
      carry(() => ++sent % 3 === 0);
      tick(RETRY_MS);
    }
    expect(reports).toEqual(['2 true']);
    expect(received()).toEqual(payload);
  });

  it('resumes where the receiver is, not at the beginning', () => {
    const { sender, start, carry, chunks, acks, reports } = setUp();
    start();
    let carried = 0;
    carry(() => ++carried > 8);
    chunks.splice(0);
    acks.splice(0);
    sender.stop();
    start();
    const offsets: number[] = [];
    carry(() => {
      for (const chunk of chunks) offsets.push(chunk.offset);
      return false;
    });
    expect(reports).toEqual(['2 true']);
    expect(offsets.filter((offset) => offset > 0 && offset < 40)).toEqual([]);
  });

  it('gives up a receiver that makes no progress, and lets go of the log', () => {
    const { sender, start, tick, reports } = setUp();
    start();
    expect(sender.holdIndex()).toBe(7);
    for (let i = 0; i < STALL_MS / RETRY_MS; i++) tick(RETRY_MS);
    expect(reports).toEqual(['2 false']);
    expect(sender.outcomesOf(2)).toEqual({ sent: 0, failed: 1 });
    expect(sender.holdIndex()).toBeUndefined();
    expect(sender.active).toBe(0);
  });

  it('holds the log until the follower goes on from the snapshot, not only until it has it', () => {
    const { sender, start, carry, tick, reports, installing } = setUp();
    start();
    carry();
    expect(reports).toEqual(['2 true']);
    expect(sender.holdIndex()).toBe(7);
    installing.matchIndex = 6;
    tick(RETRY_MS);
    expect(sender.holdIndex()).toBe(7);
    installing.matchIndex = 7;
    tick(RETRY_MS);
    expect(sender.holdIndex()).toBeUndefined();
  });

  it('does not hold the log for a follower that never goes on', () => {
    const { sender, start, carry, tick } = setUp();
    start();
    carry();
    tick(STALL_MS - 1);
    expect(sender.holdIndex()).toBe(7);
    tick(1);
    expect(sender.holdIndex()).toBeUndefined();
    start();
    carry();
    sender.stop();
    expect(sender.holdIndex()).toBeUndefined();
  });

  it('waits as long as a follower says that it is reading the snapshot into its state', () => {
    const { start, carry, tick, reports, delivered, installing } = setUp();
    let finish: () => void = () => undefined;
    installing.prepare = (done) => (finish = done);
    start();
    for (let i = 0; i < (3 * STALL_MS) / RETRY_MS; i++) {
      carry();
      tick(RETRY_MS);
    }
    expect([reports, delivered]).toEqual([[], []]);
    finish();
    carry();
    expect(reports).toEqual(['2 true']);
    expect(delivered).toHaveLength(1);
  });

  it('does not take a damaged chunk', () => {
    const { start, chunks, receiver, acks } = setUp();
    start();
    const [chunk] = chunks;
    receiver.receive({ ...chunk!, data: chunk!.data.map((byte) => byte ^ 1) }, 0);
    expect(acks).toMatchObject([{ offset: 0, done: false }]);
  });

  it('only answers when the receiver is already past the snapshot', () => {
    const { start, chunks, receiver, acks, delivered } = setUp();
    start();
    receiver.receive(chunks[0]!, metadata.index);
    expect(acks).toMatchObject([{ done: true }]);
    expect(delivered).toHaveLength(1);
  });

  it('reports a snapshot that is no longer there', () => {
    const { sender, reports } = setUp();
    const gone = { ...metadata, index: 99 };
    sender.start({ ...emptyMessage('snapshot', 1, 2, 5), snapshot: gone });
    expect(reports).toEqual(['2 false']);
  });

  it('takes an older snapshot of a newer leader: the old leader may never come back', () => {
    const { start, chunks, receiver, acks, delivered, tick } = setUp();
    start();
    const piece = chunks[0]!;
    const newer = { ...piece, snapshot: { ...metadata, index: 1_000 } };
    receiver.receive(newer, 0);
    const again = { ...piece, term: newer.term };
    acks.splice(0);
    receiver.receive(again, 0);
    expect(acks).toEqual([]);
    const whole = { ...piece, term: newer.term + 1, totalBytes: piece.data.length };
    receiver.receive(whole, 0);
    tick(10);
    expect(delivered).toMatchObject([{ type: 'snapshot', term: whole.term }]);
  });
});
