/**
 * The state machine against the naive model: the same answers, events, reads of every revision
 * and histories, however far compaction has got; and machines among themselves: the same hash.
 */

import fc from 'fast-check';
import { MemoryStore, Refused, StateMachine } from '../../src/kv';
import type { Command } from '../../src/kv';
import { commands, rangeRequests } from './commands';
import { NaiveModel } from './naiveModel';
import { show } from './show';

/** A result or the refusal that was thrown. */
function attempt<T>(run: () => T): T | Refused {
  try {
    return run();
  } catch (error) {
    if (error instanceof Refused) return error;
    throw error;
  }
}

function run(list: readonly Command[], changesPerCommand: number, eachStep?: () => void) {
  const machine = new StateMachine({ compactionChangesPerCommand: changesPerCommand });
  list.forEach((command, i) => {
    machine.apply(command, i + 1);
    eachStep?.();
  });
  return machine;
}

const commandLists = fc.array(commands, { maxLength: 40, size: 'max' });
const paces = fc.constantFrom(0, 1, 3, 1000);

describe('the state machine', () => {
  test('answers every command as the naive model does', () => {
    fc.assert(
      fc.property(commandLists, paces, (list, pace) => {
        const machine = new StateMachine({ compactionChangesPerCommand: pace });
        const model = new NaiveModel();
        list.forEach((command, i) => {
          expect(show(machine.apply(command, i + 1))).toBe(show(model.apply(command)));
        });
        expect(machine.appliedIndex).toBe(list.length);
        expect(machine.revision).toBe(model.revision);
        expect(machine.compactedRevision).toBe(model.compacted);
        expect(machine.keyCount).toBe(model.current.length);
      }),
      { numRuns: 600 },
    );
  });

  test('reads every revision as the naive model does', () => {
    fc.assert(
      fc.property(
        commandLists,
        paces,
        fc.array(rangeRequests, { minLength: 1, maxLength: 30, size: 'max' }),
        (list, pace, reads) => {
          const machine = run(list, pace);
          const model = new NaiveModel();
          for (const command of list) model.apply(command);
          for (const request of reads) {
            expect(show(attempt(() => machine.range(request)))).toBe(
              show(attempt(() => model.range(request))),
            );
          }
        },
      ),
      { numRuns: 400 },
    );
  });

  test('tells the history from every revision as the naive model does', () => {
    fc.assert(
      fc.property(commandLists, paces, fc.integer({ min: 1, max: 4 }), (list, pace, page) => {
        const machine = run(list, pace);
        const model = new NaiveModel();
        for (const command of list) model.apply(command);
        for (let from = -1; from <= machine.revision + 2; from++) {
          const all = attempt(() => {
            const revisions = [];
            let next = from;
            do {
              const found = machine.history(next, { revisionsMax: page });
              revisions.push(...found.revisions);
              expect(found.revisions.length).toBeLessThanOrEqual(page);
              next = found.next;
            } while (next <= machine.revision);
            return revisions;
          });
          expect(show(all)).toBe(show(attempt(() => model.history(from))));
        }
      }),
      { numRuns: 300 },
    );
  });

  test('keeps leases and what is attached to them as the naive model does', () => {
    fc.assert(
      fc.property(commandLists, (list) => {
        const machine = run(list, 1);
        const model = new NaiveModel();
        for (const command of list) model.apply(command);
        const ids = [1n, 2n, -(2n ** 63n)];
        expect(machine.leases()).toEqual(
          ids.flatMap((id) => (model.leases.has(id) ? [{ id, ...model.leases.get(id)! }] : [])),
        );
        expect(machine.leaseCount).toBe(model.leases.size);
        for (const id of ids) expect(machine.leaseKeys(id)).toEqual(model.leaseKeys(id));
      }),
      { numRuns: 300 },
    );
  });

  test('hashes alike on every member, whatever their compaction has got to', () => {
    fc.assert(
      fc.property(commandLists, (list) => {
        const hashes: number[][] = [0, 1, 1000].map((pace) => {
          const steps: number[] = [];
          const machine = new StateMachine({ compactionChangesPerCommand: pace });
          list.forEach((command, i) => {
            machine.apply(command, i + 1);
            steps.push(machine.hash(), machine.hashKv());
          });
          return steps;
        });
        expect(hashes[1]).toEqual(hashes[0]);
        expect(hashes[2]).toEqual(hashes[0]);
      }),
      { numRuns: 200 },
    );
  });

  test('hashes the past as it was', () => {
    fc.assert(
      fc.property(commandLists, (list) => {
        const machine = new StateMachine();
        const past = new Map<number, number>();
        list.forEach((command, i) => {
          machine.apply(command, i + 1);
          if (command.kind === 'compact') past.clear();
          past.set(machine.revision, machine.hashKv());
        });
        for (const [revision, hash] of past) {
          if (revision < machine.compactedRevision) continue;
          expect(machine.hashKv(revision)).toBe(hash);
        }
      }),
      { numRuns: 200 },
    );
  });

  test('hashes different states differently', () => {
    fc.assert(
      fc.property(commandLists, commandLists, (one, other) => {
        const [a, b] = [run(one, 1), run(other, 1)];
        const [modelA, modelB] = [one, other].map((list) => {
          const model = new NaiveModel();
          for (const command of list) model.apply(command);
          return show([
            model.history(model.compacted),
            model.current,
            model.compacted,
            [...model.leases],
          ]);
        });
        expect(a.hash() === b.hash()).toBe(modelA === modelB);
      }),
      { numRuns: 200 },
    );
  });

  test('is the same after a restart at any command', () => {
    fc.assert(
      fc.property(commandLists, fc.nat(40), (list, at) => {
        const store = new MemoryStore();
        const before = new StateMachine({ store, compactionChangesPerCommand: 1 });
        list.slice(0, at).forEach((command, i) => before.apply(command, i + 1));
        const after = new StateMachine({ store, compactionChangesPerCommand: 1 });
        expect(after.bytes).toBe(before.bytes);
        // The log is replayed from the beginning: what is applied is passed over.
        list.forEach((command, i) => after.apply(command, i + 1));
        expect(after.hash()).toBe(run(list, 0).hash());
      }),
      { numRuns: 200 },
    );
  });

  test('holds nothing that nobody can ask for once a compaction is through', () => {
    fc.assert(
      fc.property(commandLists, (list) => {
        const store = new MemoryStore();
        const machine = new StateMachine({ store, compactionChangesPerCommand: 0 });
        const model = new NaiveModel();
        list.forEach((command, i) => {
          machine.apply(command, i + 1);
          model.apply(command);
        });
        while (machine.compactStep(3));
        const { compacted } = model;
        const changes = model.history(Math.max(compacted, 0)).flatMap(({ events }) => events);
        const live = (model.states[Math.max(compacted, 1)] ?? []).filter(
          (kv) => kv.modRevision < compacted,
        );
        let versions = 0;
        let kept = 0;
        store.scan('k', 'l', () => void versions++);
        store.scan('r', 's', () => void kept++);
        expect(kept).toBe(changes.length);
        expect(versions).toBe(changes.length + live.length);
        expect(machine.bytes === 0).toBe(versions === 0);
      }),
      { numRuns: 300 },
    );
  });
});
