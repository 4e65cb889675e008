import fc from 'fast-check';
import { Inflights } from './inflights';
import { entryBytes, RaftLog } from './log';
import { MemoryLog } from './memoryLog';
import { Progress } from './progress';
import { majorityIndex } from './quorum';
import type { Entry } from './types';

const entry = (index: number, term: number, size = 0): Entry => ({
  index,
  term,
  type: 'normal',
  data: new Uint8Array(size),
});

describe('the window of unacknowledged appends', () => {
  test('counts like a plain list, whatever is added and freed', () => {
    const move = fc.tuple(fc.boolean(), fc.integer({ min: 1, max: 30 }));
    fc.assert(
      fc.property(fc.array(move, { maxLength: 200 }), (moves) => {
        const window = new Inflights(20, 300);
        let list: { index: number; bytes: number }[] = [];
        let last = 0;
        for (const [add, n] of moves) {
          if (add && !window.full) {
            last += n;
            window.add(last, n);
            list.push({ index: last, bytes: n });
          } else {
            const through = last - n;
            window.freeThrough(through);
            list = list.filter(({ index }) => index > through);
          }
          const bytes = list.reduce((sum, item) => sum + item.bytes, 0);
          expect([window.count, window.bytes]).toEqual([list.length, bytes]);
          expect(window.full).toBe(list.length >= 20 || bytes >= 300);
        }
      }),
    );
  });

  test('refuses a message when it is full', () => {
    const window = new Inflights(1, Infinity);
    window.add(1, 1);
    expect(() => window.add(2, 1)).toThrow('full window');
  });
});

describe('the index a majority has reached', () => {
  test('is reached by more than half, and the next one is not', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(20), { minLength: 1, maxLength: 9 }), (values) => {
        const index = majorityIndex(values.slice(), values.length);
        const reached = (at: number): number => values.filter((value) => value >= at).length;
        expect(reached(index) * 2).toBeGreaterThan(values.length);
        expect(reached(index + 1) * 2).toBeLessThanOrEqual(values.length);
      }),
    );
  });
});

describe('the progress of a follower', () => {
  const replicating = (): Progress => {
    const progress = new Progress(2, 5, false, 4, Infinity);
    progress.acknowledge(4);
    progress.becomeReplicate();
    progress.sentEntries(3, 30);
    return progress;
  };

  test('ignores a refusal of what is acknowledged already', () => {
    const progress = replicating();
    progress.acknowledge(6);
    expect(progress.decrease(5, 1)).toBe(false);
    expect([progress.matchIndex, progress.nextIndex]).toEqual([6, 8]);
  });

  test('goes back to what matches on a refusal of what is on its way', () => {
    const progress = replicating();
    expect(progress.decrease(6, 2)).toBe(true);
    expect(progress.nextIndex).toBe(5);
  });

  test('ignores a refusal that does not answer the probe on its way', () => {
    const progress = new Progress(2, 9, false, 4, Infinity);
    expect(progress.decrease(5, 2)).toBe(false);
    expect(progress.decrease(8, 2)).toBe(true);
    expect(progress.nextIndex).toBe(3);
  });

  test('after a failed snapshot begins from what matched, after a good one behind it', () => {
    const good = replicating();
    good.becomeSnapshot(20);
    good.becomeProbe();
    expect(good.nextIndex).toBe(21);
    const failed = replicating();
    failed.becomeSnapshot(20);
    failed.pendingSnapshot = 0;
    failed.becomeProbe();
    expect(failed.nextIndex).toBe(5);
  });
});

describe('the log', () => {
  const make = (applyBytes = Infinity): { log: RaftLog; disk: MemoryLog } => {
    const disk = new MemoryLog();
    disk.append([entry(1, 1), entry(2, 1), entry(3, 2)]);
    return { log: new RaftLog(disk, applyBytes, undefined), disk };
  };

  test('keeps what follows when an old append arrives late', () => {
    const { log } = make();
    expect(log.tryAppend(0, 0, [entry(1, 1)])).toBe(1);
    expect(log.lastIndex).toBe(3);
  });

  test('cuts from the first conflict on, and no earlier', () => {
    const { log } = make();
    expect(log.tryAppend(1, 1, [entry(2, 1), entry(3, 3), entry(4, 3)])).toBe(4);
    expect([log.term(2), log.term(3), log.term(4)]).toEqual([1, 3, 3]);
  });

  test('refuses entries behind a gap or another term', () => {
    const { log } = make();
    expect(log.tryAppend(7, 2, [])).toBeUndefined();
    expect(log.tryAppend(3, 1, [entry(4, 3)])).toBeUndefined();
    expect(log.lastIndex).toBe(3);
  });

  test('never replaces a committed entry', () => {
    const { log } = make();
    log.commitTo(3);
    expect(() => log.tryAppend(1, 1, [entry(2, 5)])).toThrow('replaces committed 3');
  });

  test('hands out no more bytes to apply than its limit, and at least one entry', () => {
    const { log } = make(2 * entryBytes(entry(1, 1)));
    log.commitTo(3);
    expect(log.takeCommitted(false).map(({ index }) => index)).toEqual([1, 2]);
    expect(log.hasCommitted(false)).toBe(false);
    log.appliedTo(2, 2 * entryBytes(entry(1, 1)));
    expect(log.takeCommitted(false).map(({ index }) => index)).toEqual([3]);
  });

  test('does not hand out what is not stable', () => {
    const { log } = make();
    log.append([entry(4, 2)]);
    log.commitTo(4);
    expect(log.takeCommitted(false).map(({ index }) => index)).toEqual([1, 2, 3]);
    log.unstable.handedOut();
    log.unstable.stableTo(4, 2);
    expect(log.hasCommitted(false)).toBe(true);
  });

  test('joins stable and unstable entries within a limit of bytes', () => {
    const { log } = make();
    log.append([entry(4, 2), entry(5, 2)]);
    const one = entryBytes(entry(1, 1));
    const indices = (bytesMax: number): number[] =>
      log.slice(2, 6, bytesMax)!.map(({ index }) => index);
    expect(indices(Infinity)).toEqual([2, 3, 4, 5]);
    expect(indices(3 * one)).toEqual([2, 3, 4]);
    expect(indices(2 * one)).toEqual([2, 3]);
    expect(indices(1)).toEqual([2]);
  });

  test('takes an acknowledgement only for the entry that is there now', () => {
    const { log } = make();
    log.append([entry(4, 2)]);
    log.unstable.handedOut();
    log.append([entry(4, 3)]);
    log.unstable.stableTo(4, 2);
    expect(log.unstable.length).toBe(1);
  });

  test('begins a restart at its snapshot when the synced commit index is older', () => {
    const { log } = make();
    log.resume(1, 2);
    expect([log.committed, log.applied]).toEqual([2, 2]);
    expect(() => log.resume(1, 9)).toThrow('applied index 9 is past last index 3');
  });
});
