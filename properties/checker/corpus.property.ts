/**
 * The verdicts on stored histories whose verdicts are known: Jepsen's runs of etcd 0.4, key-value
 * logs and generated hard histories. They are not part of this package: RAFT_CRUCIBLE_HISTORIES
 * names their folder (default: ../shared/histories beside this repository).
 */

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { modelFor, modelNamed } from '../../models';
import type { RegisteredModel, Verdict } from '../../models';
import { readHistory } from '../../src/history';
import type { History } from '../../src/history';

const root = resolve(
  process.env['RAFT_CRUCIBLE_HISTORIES'] ?? join(__dirname, '../../../shared/histories'),
);

interface Stored {
  readonly name: string;
  readonly history: History;
  readonly expected: Verdict['verdict'];
}

/** Name and verdict of the files whose meta line does not tell it. */
function knownVerdicts(): Map<string, Verdict['verdict']> {
  const path = join(root, 'expected.tsv');
  if (!existsSync(path)) return new Map();
  const rows = readFileSync(path, 'utf8').trim().split('\n').slice(1);
  return new Map(
    rows.map((row) => {
      const [name, , , verdict] = row.split('\t');
      return [name!, verdict === 'Ok' ? 'ok' : 'fail'];
    }),
  );
}

function* storedIn(folder: string): Generator<Stored> {
  const verdicts = knownVerdicts();
  for (const name of readdirSync(join(root, folder)).sort()) {
    if (name.endsWith('.md')) continue;
    const history = readHistory(readFileSync(join(root, folder, name), 'utf8'), name);
    const { valid } = history.meta;
    const stated = typeof valid === 'boolean' ? (valid ? 'ok' : 'fail') : verdicts.get(name);
    if (stated !== undefined) yield { name, history, expected: stated };
  }
}

/** All verdicts of a folder as lines, so that a difference shows which file is wrong. */
function expectVerdicts(folder: string, choose: (history: History) => RegisteredModel): void {
  if (!existsSync(join(root, folder))) {
    console.log(`skipped: there is no folder ${join(root, folder)}`);
    return;
  }
  const given: string[] = [];
  const expected: string[] = [];
  for (const stored of storedIn(folder)) {
    const { verdict, explanation } = choose(stored.history).check(stored.history);
    given.push(`${stored.name} ${verdict}`);
    expected.push(`${stored.name} ${stored.expected}`);
    if (verdict === 'fail') expect(explanation!.message).toContain('cannot be placed');
  }
  expect(given).toEqual(expected);
  expect(given.length).toBeGreaterThan(0);
}

describe('stored histories get their known verdicts', () => {
  test('Jepsen logs of etcd', () => {
    expectVerdicts('jepsen-etcd', () => modelNamed('register')!);
  });

  test('key-value logs', () => {
    expectVerdicts('kv', (history) => modelFor(history)!);
  });

  test('hard histories by their values alone', () => {
    expectVerdicts('hard', () => modelNamed('register')!);
  });

  test('hard histories with their revisions', () => {
    expectVerdicts('hard', (history) => modelFor(history)!);
  });

  test('histories of an etcd with half of the outcomes unknown', () => {
    expectVerdicts('etcd-like', (history) => modelFor(history)!);
  });
});
