/**
 * The snapshot store on a disk that crashes at every single call, that damages files, and that
 * runs full. A snapshot is there whole or not at all; a received one goes on where it stopped.
 */
import fc from 'fast-check';
import type { SnapshotMetadata } from '../../src/raft/types';
import { CorruptionError, StorageError } from '../../src/storage/errors';
import type { SnapshotReceiver, SnapshotWriter } from '../../src/storage/snapshotStore';
import { SnapshotStore } from '../../src/storage/snapshotStore';
import { TestDisk } from './testDisk';

function metadata(index: number, voters: readonly number[] = [1, 2, 3]): SnapshotMetadata {
  const conf = { voters, learners: [], votersOutgoing: [], learnersNext: [], autoLeave: false };
  return { index, term: 2, conf };
}

function payload(index: number, length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => (i * 7 + index * 13) % 256);
}

function open(disk: TestDisk, chunkBytes = 64): SnapshotStore {
  return SnapshotStore.open(disk, 'snapshots', { chunkBytes });
}

/** Writes and commits, driving the disk; throws what the store reports. */
function save(disk: TestDisk, writer: SnapshotWriter, data: Uint8Array, pieces = 50): void {
  for (let at = 0; at < data.length; at += pieces) writer.append(data.subarray(at, at + pieces));
  let outcome: StorageError | undefined | 'pending' = 'pending';
  writer.commit((error) => (outcome = error as StorageError | undefined));
  disk.settle();
  if (outcome === 'pending') throw new StorageError('EPOWER', '', 'the commit was never told');
  if (outcome !== undefined) throw outcome as StorageError;
}

function read(store: SnapshotStore, of: SnapshotMetadata, lengthMax: number): Uint8Array {
  const reader = store.open(of);
  const result = new Uint8Array(reader.totalBytes);
  for (let at = 0; at < reader.totalBytes;) {
    const piece = reader.read(at, lengthMax);
    result.set(piece, at);
    at += piece.length;
  }
  reader.close();
  return result;
}

describe('a snapshot store', () => {
  test('gives back what was written, in pieces of any size', () => {
    fc.assert(
      fc.property(
        fc.nat(700),
        fc.integer({ min: 1, max: 200 }),
        fc.integer({ min: 1, max: 200 }),
        fc.integer({ min: 1, max: 300 }),
        (length, chunkBytes, pieces, lengthMax) => {
          const disk = new TestDisk(1);
          const store = open(disk, chunkBytes);
          const data = payload(5, length);
          save(disk, store.create(metadata(5)), data, pieces);
          expect(store.newest()).toEqual(metadata(5));
          expect(read(store, metadata(5), lengthMax)).toEqual(data);
          const reader = store.open(metadata(5));
          expect(reader.read(length, 1)).toHaveLength(0);
          expect(reader.metadata).toEqual(metadata(5));
          reader.close();
        },
      ),
    );
  });

  test('shows nothing before a commit and nothing of an aborted writer', () => {
    const disk = new TestDisk(1);
    const store = open(disk);
    const writer = store.create(metadata(5));
    writer.append(payload(5, 300));
    expect(store.newest()).toBeUndefined();
    writer.abort();
    writer.abort();
    expect(() => writer.append(payload(5, 1))).toThrow('the writer is ended');
    expect(disk.paths()).toEqual([]);
    expect(() => store.open(metadata(5))).toThrow(StorageError);
  });

  test('retains the newest ones, and an open reader of a removed one goes on', () => {
    const disk = new TestDisk(1);
    const store = open(disk);
    for (const index of [3, 7, 5]) save(disk, store.create(metadata(index)), payload(index, 100));
    expect(store.newest()).toEqual(metadata(7));
    const reader = store.open(metadata(3));
    store.retain(2);
    expect(disk.paths()).toHaveLength(2);
    expect(reader.read(0, 100)).toEqual(payload(3, 100));
    store.retain(1);
    expect(open(disk).newest()).toEqual(metadata(7));
    expect(store.bytes).toBe(disk.usedBytes);
  });

  test('a power failure at any call leaves the old snapshot or the new one, whole', () => {
    const outcomes = new Set<number>();
    for (let calls = 0; ; calls++) {
      let finished = false;
      for (let seed = 0; seed < 8; seed++) {
        const disk = new TestDisk(seed);
        save(disk, open(disk).create(metadata(5)), payload(5, 150));
        const store = open(disk);
        disk.powerOffAfter(calls);
        let told = false;
        try {
          save(disk, store.create(metadata(9)), payload(9, 200));
          told = true;
          store.retain(1);
          finished = true;
          disk.crash();
        } catch (error) {
          expect((error as StorageError).code).toBe('EPOWER');
        }
        disk.reopen();
        const again = open(disk);
        const { index } = again.newest()!;
        outcomes.add(index);
        if (told) expect(index).toBe(9);
        expect(read(again, metadata(index), 70)).toEqual(payload(index, index === 5 ? 150 : 200));
        expect(again.damaged).toEqual([]);
      }
      if (finished) break;
    }
    expect([...outcomes].sort()).toEqual([5, 9]);
  });

  test('any changed byte or cut is found, and an older good one is served instead', () => {
    const disk = new TestDisk(1);
    const store = open(disk);
    save(disk, store.create(metadata(5)), payload(5, 100));
    save(disk, store.create(metadata(9)), payload(9, 200));
    const path = disk.paths()[1]!;
    const bytes = disk.bytesOf(path);
    const check = (content: Uint8Array): void => {
      disk.replaceBytes(path, content);
      const heard: CorruptionError[] = [];
      const again = SnapshotStore.open(disk, 'snapshots', {
        chunkBytes: 64,
        onDamage: (error) => heard.push(error),
      });
      expect(again.newest()).toEqual(metadata(5));
      expect(heard).toHaveLength(1);
      expect(heard[0]!.path).toContain(path);
    };
    for (let at = 0; at < bytes.length; at++) {
      const copy = bytes.slice();
      copy[at]! ^= 0x10;
      check(copy);
      check(bytes.slice(0, at));
    }
    disk.replaceBytes(path, bytes);
    expect(open(disk).newest()).toEqual(metadata(9));
  });

  test('a chunk damaged while a reader is open is not handed out', () => {
    const disk = new TestDisk(1);
    const store = open(disk);
    save(disk, store.create(metadata(5)), payload(5, 200));
    const reader = store.open(metadata(5));
    disk.flipBit(disk.paths()[0]!, disk.bytesOf(disk.paths()[0]!).length - 30, 0);
    expect(reader.read(0, 64)).toEqual(payload(5, 64));
    expect(() => reader.read(150, 50)).toThrow(CorruptionError);
  });

  test('a full disk ends the writer, removes its file and keeps the store usable', () => {
    const disk = new TestDisk(1);
    const store = open(disk);
    disk.capacityBytes = 500;
    expect(() => save(disk, store.create(metadata(5)), payload(5, 1000))).toThrow('ENOSPC');
    expect(disk.usedBytes).toBe(0);
    save(disk, store.create(metadata(6)), payload(6, 100));
    expect(store.newest()).toEqual(metadata(6));
  });

  test('a commit whose sync fails reports it and installs nothing', () => {
    for (const where of ['creating', 'snapshots']) {
      const disk = new TestDisk(1);
      const store = open(disk);
      const writer = store.create(metadata(5));
      if (where === 'creating') disk.failNext('sync', 'EIO', where);
      else disk.failNext('rename', 'EIO', where);
      expect(() => save(disk, writer, payload(5, 10))).toThrow('EIO');
      expect(store.newest()).toBeUndefined();
      expect(open(disk).newest()).toBeUndefined();
    }
  });
});

describe('a received snapshot', () => {
  const data = payload(9, 1000);

  /** Sends what is missing in pieces until `stop` bytes are there. */
  function feed(receiver: SnapshotReceiver, stop: number): void {
    while (receiver.offset < stop) {
      const end = Math.min(stop, receiver.offset + 77);
      receiver.append(data.subarray(receiver.offset, end));
    }
  }

  test('goes on where its stream broke', () => {
    const disk = new TestDisk(1);
    const store = open(disk);
    feed(store.receive(metadata(9), 1000), 500);
    const again = store.receive(metadata(9), 1000);
    expect(again.offset).toBe(500);
    feed(again, 1000);
    save(disk, again, new Uint8Array(0));
    expect(read(store, metadata(9), 100)).toEqual(data);
  });

  test('goes on after restarts and power failures, at an offset that is whole', () => {
    fc.assert(
      fc.property(
        fc.nat(),
        fc.array(fc.record({ stop: fc.nat(1000), crash: fc.boolean() }), { maxLength: 6 }),
        (seed, stops) => {
          const disk = new TestDisk(seed);
          let store = open(disk);
          for (const { stop, crash } of stops) {
            const receiver = store.receive(metadata(9), 1000);
            feed(receiver, stop);
            const { offset } = receiver;
            if (crash) disk.crash();
            else store.close();
            disk.reopen();
            disk.kill();
            store = open(disk);
            const resumed = store.receive(metadata(9), 1000).offset;
            expect(resumed).toBeLessThanOrEqual(offset);
            if (!crash) expect(resumed).toBe(offset - (offset % 64));
          }
          const receiver = store.receive(metadata(9), 1000);
          feed(receiver, 1000);
          save(disk, receiver, new Uint8Array(0));
          expect(read(store, metadata(9), 1000)).toEqual(data);
        },
      ),
    );
  });

  test('is forgotten when another one begins, and never mixed with it', () => {
    const disk = new TestDisk(1);
    const store = open(disk);
    const old = store.receive(metadata(9), 1000);
    feed(old, 500);
    for (const other of [metadata(10), metadata(9, [1])]) {
      expect(store.receive(other, 1000).offset).toBe(0);
      expect(disk.paths()).toHaveLength(1);
    }
    expect(() => old.append(data)).toThrow('the writer is ended');
    feed(store.receive(metadata(9, [1]), 900), 500);
    store.close();
    const again = open(disk);
    const receiver = again.receive(metadata(9), 900);
    expect(receiver.offset).toBe(0);
    feed(receiver, 900);
    save(disk, receiver, new Uint8Array(0));
    expect(read(again, metadata(9), 900)).toEqual(data.subarray(0, 900));
  });

  test('takes no more bytes than were announced, and no commit before them', () => {
    const disk = new TestDisk(1);
    const store = open(disk);
    const receiver = store.receive(metadata(9), 100);
    receiver.append(data.subarray(0, 60));
    expect(() => receiver.append(data.subarray(60, 101))).toThrow('of 100 bytes');
    expect(() => receiver.commit(() => undefined)).toThrow('ends at 60');
    feed(receiver, 100);
    save(disk, receiver, new Uint8Array(0));
    expect(store.newest()).toEqual(metadata(9));
  });
});
