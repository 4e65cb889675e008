/** What no step tells apart is one action, whatever revisions a store adds to its answers. */
import type { Operation } from '../src/history';
import { checkLinearizable } from './checker/linearizability';
import { queue } from './queue';
import { set } from './set';

/** Twelve clients that do the same at once, and one answer that nothing explains. */
function history(f: string, look: Partial<Operation>, hasRevisions: boolean): Operation[] {
  const operation = (id: number, fields: Partial<Operation>): Operation => ({
    ...{ id, process: id, f, key: 'k', input: 'x', output: undefined, outcome: 'ok' },
    ...{ call: id, return: 100 + id },
    ...(hasRevisions ? { rev: 2 + id, mod: 2 + id } : {}),
    ...fields,
  });
  const same = Array.from({ length: 12 }, (_, id) => operation(id, {}));
  return [...same, operation(12, { input: undefined, ...look })];
}

describe.each([
  ['set', set(), 'add', { f: 'read', output: ['x', 'y'] }],
  ['queue', queue(), 'enqueue', { f: 'dequeue', output: 'y' }],
] as const)('the %s', (_, model, f, look) => {
  const searched = { ...model, deciders: [] } as ReturnType<typeof set>;

  it('is searched as fast when answers carry revisions', () => {
    const check = (hasRevisions: boolean) =>
      checkLinearizable(history(f, look, hasRevisions), searched);
    const [bare, revised] = [check(false), check(true)];
    expect(revised.verdict).toBe('fail');
    expect(revised.nodes).toBe(bare.nodes);
  });
});
