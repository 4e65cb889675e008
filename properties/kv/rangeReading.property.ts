/**
 * A range that is read in parts is the range read at once, whatever the size of the parts and
 * whatever is written and compacted between them; and counts that are remembered are right.
 */
import fc from 'fast-check';
import { MemoryTables, OverlayStore, StateMachine } from '../../src/kv';
import type {
  Command,
  KeySink,
  KeyValue,
  RangeRequest,
  RangeResult,
  ScanBudget,
} from '../../src/kv';

const KEYS = ['\0', 'a', 'a\0', 'a\0b', 'ab', 'b', 'ba', 'c', '\xff'];
const key = fc.constantFrom(...KEYS);

const plain = {
  lease: 0n,
  prevKv: false,
  ignoreValue: false,
  ignoreLease: false,
} as const;

const command: fc.Arbitrary<Command> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({ key, value: fc.uint8Array({ maxLength: 4 }) }).map((kv) => ({
      kind: 'put' as const,
      request: { ...kv, ...plain },
    })),
  },
  {
    weight: 2,
    arbitrary: key.map((key) => ({
      kind: 'deleteRange' as const,
      request: { key, rangeEnd: '', prevKv: false },
    })),
  },
);

const request: fc.Arbitrary<RangeRequest> = fc.record({
  key,
  rangeEnd: fc.oneof(fc.constantFrom('', '\0'), key),
  revision: fc.constantFrom(0, 0, 3, 5, 8),
  limit: fc.constantFrom(0, 0, 1, 2, 3),
  countOnly: fc.boolean(),
  keysOnly: fc.boolean(),
  sortOrder: fc.constantFrom('none', 'none', 'ascend', 'descend'),
  sortTarget: fc.constantFrom('key', 'key', 'version', 'create', 'mod', 'value'),
  minModRevision: fc.constantFrom(0, 0, 0, 4),
  maxModRevision: fc.constant(0),
  minCreateRevision: fc.constant(0),
  maxCreateRevision: fc.constantFrom(0, 0, 0, 6),
});

const part: fc.Arbitrary<ScanBudget> = fc.record({
  entries: fc.constantFrom(1, 2, 3, 7, Infinity),
  bytes: fc.constantFrom(1, 40, Infinity),
});

const machineOf = {
  memory: () => new StateMachine(),
  overlay: () => {
    const store = new OverlayStore(new MemoryTables((run) => run()).open(), { flushBytes: 300 });
    return new StateMachine({ store });
  },
};

const everything: RangeRequest = {
  key: '\0',
  rangeEnd: '\0',
  revision: 0,
  limit: 0,
  countOnly: false,
  keysOnly: false,
  sortOrder: 'none',
  sortTarget: 'key',
  minModRevision: 0,
  maxModRevision: 0,
  minCreateRevision: 0,
  maxCreateRevision: 0,
};

/** Keeps what it is given, as it was when it was given. */
class Copies implements KeySink {
  kvs: KeyValue[] = [];

  begin(): void {
    this.kvs = [];
  }

  add(kv: KeyValue): void {
    this.kvs.push({ ...kv, value: kv.value.slice() });
  }
}

/** What a machine answers, or the error that it refuses with. */
function attempt<T>(run: () => T): T | string {
  try {
    return run();
  } catch (error) {
    return (error as Error).message;
  }
}

describe.each(['memory', 'overlay'] as const)('on a %s store', (name) => {
  test('in parts is as at once, whatever happens between the parts', () => {
    const steps = fc.array(
      fc.oneof({ weight: 3, arbitrary: command }, { weight: 1, arbitrary: fc.constant(null) }),
      { maxLength: 40 },
    );
    const readings = fc.array(fc.record({ request, part, isDirect: fc.boolean() }), {
      minLength: 1,
      maxLength: 4,
    });
    fc.assert(
      fc.property(
        fc.array(command, { maxLength: 30 }),
        steps,
        readings,
        (before, steps, wanted) => {
          const machine = machineOf[name]();
          const apply = (command: Command): void =>
            void machine.apply(command, machine.appliedIndex + 1);
          before.forEach(apply);
          const running = wanted.map(({ request, part, isDirect }) => {
            const atOnce = attempt(() => machine.range(request));
            const sink = isDirect ? new Copies() : undefined;
            const reading = attempt(() => machine.startRange(request, sink));
            if (typeof reading === 'string') {
              expect(reading).toBe(atOnce);
              return undefined;
            }
            const result = reading.step(part);
            if (result === undefined) reading.hold();
            return { atOnce, reading, part, result, sink };
          });
          const proceed = (): void => {
            for (const each of running) {
              if (each !== undefined) each.result ??= each.reading.step(each.part);
            }
          };
          for (const step of steps) {
            if (step !== null) apply(step);
            else
              attempt(() =>
                apply({ kind: 'compact', request: { revision: machine.revision, physical: true } }),
              );
            proceed();
          }
          for (let i = 0; i < 200; i++) proceed();
          for (const each of running) {
            if (each?.sink) expect({ ...each.result, kvs: each.sink.kvs }).toEqual(each.atOnce);
            else if (each) expect(each.result).toEqual(each.atOnce);
          }
          machine.close();
        },
      ),
      { numRuns: 300 },
    );
  });

  test('page after page counts as a whole reading does, and looks at the page alone', () => {
    const machine = machineOf[name]();
    for (let i = 0; i < 500; i++) {
      const value = new Uint8Array(1);
      const request = { key: `k${String(i).padStart(3, '0')}`, value, ...plain };
      machine.apply({ kind: 'put', request }, machine.appliedIndex + 1);
    }
    const { revision } = machine;
    const page = (from: string, entries: number): RangeResult | undefined => {
      const reading = machine.startRange({
        ...everything,
        key: from,
        rangeEnd: 'l',
        revision,
        limit: 10,
      });
      const result = reading.step({ entries, bytes: Infinity });
      reading.release();
      return result;
    };
    expect(page('k', 12)).toBeUndefined();
    let result = page('k', Infinity)!;
    const found = [...result.kvs];
    while (result.more) {
      result = page(`${result.kvs.at(-1)!.key}\0`, 12)!;
      expect(result).toBeDefined();
      expect(result.count).toBe(500 - found.length);
      found.push(...result.kvs);
    }
    expect(new Set(found.map((kv) => kv.key)).size).toBe(500);
    machine.close();
  });

  test('the number of all keys needs no look at any of them', () => {
    const machine = machineOf[name]();
    KEYS.forEach((key, i) => {
      machine.apply({ kind: 'put', request: { key, value: new Uint8Array(1), ...plain } }, i + 1);
    });
    const reading = machine.startRange({ ...everything, countOnly: true });
    expect(reading.step({ entries: 0, bytes: 0 })).toMatchObject({ count: KEYS.length });
    machine.close();
  });
});
