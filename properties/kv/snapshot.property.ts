/**
 * Snapshots: a restored machine is the machine that was, even when that one went on meanwhile;
 * and no damage gets through.
 */

import fc from 'fast-check';
import { DamagedBytes, MemoryStore, StateMachine } from '../../src/kv';
import type { Command, SnapshotSource } from '../../src/kv';
import { commands } from './commands';
import { NaiveModel } from './naiveModel';
import { show } from './show';

const commandLists = fc.array(commands, { maxLength: 40, size: 'max' });
const sizes = fc.oneof(fc.integer({ min: 1, max: 64 }), fc.constant(100_000));

function run(list: readonly Command[], pace = 1): StateMachine {
  const machine = new StateMachine({ compactionChangesPerCommand: pace });
  list.forEach((command, i) => machine.apply(command, i + 1));
  return machine;
}

function bytesOf(source: SnapshotSource, chunkBytes = 1000): Uint8Array {
  const parts = [...source.chunks(chunkBytes)];
  const all = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

function restored(bytes: Uint8Array): StateMachine {
  const machine = new StateMachine();
  const restorer = machine.restorer();
  restorer.write(bytes);
  restorer.finish();
  return machine;
}

describe('a snapshot', () => {
  test('restores what was there when it was taken, whatever is written meanwhile', () => {
    fc.assert(
      fc.property(commandLists, commandLists, sizes, (before, meanwhile, chunkBytes) => {
        const machine = run(before);
        const hash = machine.hash();
        const source = machine.snapshot();
        const target = run([{ kind: 'leaseGrant', id: 9n, ttlSeconds: 1 }]);
        const restorer = target.restorer();
        let index = before.length;
        const left = [...meanwhile];
        let full = true;
        for (const chunk of source.chunks(chunkBytes)) {
          // Every chunk but the last has exactly the size asked for.
          expect(full).toBe(true);
          expect(chunk.length).toBeGreaterThan(0);
          expect(chunk.length).toBeLessThanOrEqual(chunkBytes);
          full = chunk.length === chunkBytes;
          restorer.write(chunk);
          const command = left.shift();
          if (command !== undefined) machine.apply(command, ++index);
        }
        source.release();
        restorer.finish();
        expect(target.hash()).toBe(hash);
        expect(target.appliedIndex).toBe(before.length);
        expect(source.index).toBe(before.length);
        // What comes after a snapshot finds it as if it had been there from the beginning.
        meanwhile.forEach((command, i) => target.apply(command, before.length + i + 1));
        const all = run([...before, ...meanwhile], 1000);
        while (all.compactStep());
        while (target.compactStep());
        expect(target.hash()).toBe(all.hash());
        const from = Math.max(0, all.compactedRevision);
        expect(show(target.history(from))).toBe(show(all.history(from)));
        expect(show(target.leases())).toBe(show(all.leases()));
        expect(target.bytes).toBe(all.bytes);
      }),
      { numRuns: 200 },
    );
  });

  test('is the same bytes on every member, whatever their compaction has got to', () => {
    fc.assert(
      fc.property(commandLists, sizes, (list, chunkBytes) => {
        const [slow, fast] = [run(list, 0), run(list, 1000)];
        while (fast.compactStep());
        expect(bytesOf(fast.snapshot(), chunkBytes)).toEqual(bytesOf(slow.snapshot(), 77));
      }),
      { numRuns: 100 },
    );
  });

  test('of a restored machine is the snapshot it was restored from', () => {
    fc.assert(
      fc.property(commandLists, (list) => {
        const bytes = bytesOf(run(list).snapshot());
        expect(bytesOf(restored(bytes).snapshot())).toEqual(bytes);
      }),
      { numRuns: 100 },
    );
  });

  test('that was damaged anywhere is refused, and the old state stays', () => {
    fc.assert(
      fc.property(
        commandLists,
        fc.nat(),
        fc.integer({ min: 1, max: 255 }),
        sizes,
        (list, at, flip, chunkBytes) => {
          const bytes = bytesOf(run(list).snapshot());
          bytes[at % bytes.length]! ^= flip;
          const target = run([{ kind: 'leaseGrant', id: 9n, ttlSeconds: 1 }]);
          const hash = target.hash();
          const store = new MemoryStore();
          const restorer = target.restorer(store);
          expect(() => {
            for (let from = 0; from < bytes.length; from += chunkBytes) {
              restorer.write(bytes.subarray(from, from + chunkBytes));
            }
            restorer.finish();
          }).toThrow(DamagedBytes);
          expect(target.hash()).toBe(hash);
          expect(store.size).toBe(0);
        },
      ),
      { numRuns: 400 },
    );
  });

  test('that was cut short or goes on too long is refused', () => {
    fc.assert(
      fc.property(commandLists, fc.nat(), (list, at) => {
        const bytes = bytesOf(run(list).snapshot());
        expect(() => restored(bytes.subarray(0, at % bytes.length))).toThrow('breaks off');
        expect(() => restored(Uint8Array.from([...bytes, at & 0xff]))).toThrow('behind the end');
      }),
      { numRuns: 200 },
    );
  });

  test('of arbitrary bytes is refused', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (noise) => {
        expect(() => restored(noise)).toThrow(DamagedBytes);
      }),
      { numRuns: 400 },
    );
  });

  test('that answers differently from its machine does not exist', () => {
    fc.assert(
      fc.property(commandLists, (list) => {
        const model = new NaiveModel();
        for (const command of list) model.apply(command);
        const machine = restored(bytesOf(run(list, 0).snapshot()));
        for (let revision = Math.max(1, model.compacted); revision <= model.revision; revision++) {
          const request = {
            key: '\0',
            rangeEnd: '\0',
            limit: 0,
            revision,
            sortOrder: 'none',
            sortTarget: 'key',
            keysOnly: false,
            countOnly: false,
            minModRevision: 0,
            maxModRevision: 0,
            minCreateRevision: 0,
            maxCreateRevision: 0,
          } as const;
          expect(show(machine.range(request))).toBe(show(model.range(request)));
        }
      }),
      { numRuns: 100 },
    );
  });
});
