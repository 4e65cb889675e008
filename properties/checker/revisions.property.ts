/**
 * Histories of an etcd in which up to half of the outcomes are unknown and nobody watched: who
 * made the revisions in between has to be found out. Seeds are fixed; every verdict is known.
 */

import { checkLinearizable, etcdRegister } from '../../models';
import type { PartVerdict, Verdict } from '../../models';
import { hardHistory } from './hardHistories';
import type { HardOptions } from './hardHistories';

function judge(options: HardOptions): Verdict {
  const { operations } = hardHistory(options);
  return checkLinearizable(operations, etcdRegister(), { nodesMax: 20_000 });
}

const shapes = [0, 5].flatMap((domain) =>
  [0.2, 0.5].flatMap((crash) =>
    [
      { clients: 4, operations: 500 },
      { clients: 8, operations: 1000 },
      { clients: 20, operations: 3000 },
    ].map((size) => ({ keys: 10, mix: [2, 2, 1] as const, domain, crash, ...size })),
  ),
);

function expectVerdicts(bug: HardOptions['bug'], method: PartVerdict['method']): void {
  const given = [];
  const expected = [];
  for (const shape of shapes) {
    for (const seed of [1, 2, 3]) {
      const name = `${shape.operations} ${shape.domain} ${shape.crash} ${seed}`;
      const { verdict, partitions } = judge({ ...shape, seed, ...(bug && { bug }) });
      given.push(`${name} ${verdict} ${partitions[0]!.method}`);
      expected.push(`${name} ${bug === undefined ? 'ok' : 'fail'} ${method}`);
    }
  }
  expect(given).toEqual(expected);
}

describe('an etcd with unknown outcomes and no watch', () => {
  test('valid histories are found valid without a search', () => {
    expectVerdicts(undefined, 'revisions');
  });

  test('a read from an older revision is found', () => {
    expectVerdicts('staleRevision', 'revisions');
  });

  test('a lost change is found, though unknown ones could have made its revision', () => {
    const history = hardHistory({ ...shapes[0]!, seed: 4 });
    const changes = history.operations.filter(
      ({ f, outcome }) => f === 'write' && outcome === 'ok',
    );
    // Its answer says that it made the revision of another one.
    const [one, other] = [changes.at(-2)!, changes.at(-1)!];
    const operations = history.operations.map((o) => (o === other ? { ...o, rev: one.rev } : o));
    const { verdict, explanation } = checkLinearizable(operations, etcdRegister());
    expect(verdict).toBe('fail');
    expect(explanation!.message).toContain(`revision ${one.rev} was made by`);
  });

  test('a revision that too few operations can have made is named', () => {
    const asked = { f: 'write', key: 'x', process: 1 };
    const unknown = { outcome: 'info', output: undefined, return: Infinity } as const;
    const operations = [
      { ...asked, ...unknown, id: 0, process: 0, input: 1, call: 0 },
      { ...asked, id: 1, input: 2, call: 1, return: 2, outcome: 'ok', output: 2, rev: 4 } as const,
      { ...asked, ...unknown, id: 2, process: 2, input: 3, call: 3 },
    ];
    const { verdict, explanation } = checkLinearizable(operations, etcdRegister());
    expect(verdict).toBe('fail');
    expect(explanation!.message).toContain('it presupposes revision 3, which left no trace');
    expect(explanation!.operation.id).toBe(1);
  });
});
