/**
 * The histories that bench/checker.ts measures on: stored ones, and generated ones written to a
 * directory so that another checker can read the same files.
 */

import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { encodeHistory, readHistory } from '../src/history';
import type { History, Operation } from '../src/history';
import { appendHistory, clientHistory } from '../properties/checker/clientHistories';
import { hardFamilies } from '../properties/checker/hardFamilies';
import { hardHistory } from '../properties/checker/hardHistories';
import { queueSubject, setSubject } from '../properties/checker/subjects';

export type Verdict = 'ok' | 'fail' | 'unknown';

export interface Item {
  /** What it is an example of; the anchor sets are `jepsen-etcd` and `kv`. */
  readonly set: string;
  readonly path: string;
  readonly file: string;
  /** Name of a registered model. */
  readonly model: string;
  readonly expected: Verdict | undefined;
  /** Whether to leave out the procedures of the model and only search. */
  readonly searchOnly: boolean;
  readonly load: () => History;
}

export const anchors: readonly string[] = ['jepsen-etcd', 'kv'];

function knownVerdicts(root: string): Map<string, Verdict> {
  const path = join(root, 'expected.tsv');
  if (!existsSync(path)) return new Map();
  const rows = readFileSync(path, 'utf8').trim().split('\n').slice(1);
  return new Map(
    rows.map((row) => {
      const [file, , , verdict] = row.split('\t');
      return [file!, verdict === 'Ok' ? 'ok' : 'fail'];
    }),
  );
}

/** The verdict that the meta line of a generated history states. */
function statedVerdict(path: string): Verdict | undefined {
  const [head] = readFileSync(path, 'utf8').split('\n', 1);
  const valid = /"valid":(true|false)/.exec(head!)?.[1];
  return valid === undefined ? undefined : valid === 'true' ? 'ok' : 'fail';
}

const modelOfSet: Readonly<Record<string, string>> = {
  'jepsen-etcd': 'register',
  kv: 'kv',
  hard: 'register',
  'etcd-like': 'etcd-register',
};

/** The files of one folder; none when there is no such folder. */
export function storedItems(root: string, set: string): readonly Item[] {
  const folder = join(root, set);
  if (!existsSync(folder)) return [];
  const verdicts = knownVerdicts(root);
  return readdirSync(folder)
    .filter((file) => !file.endsWith('.md'))
    .sort()
    .map((file) => {
      const path = join(folder, file);
      return {
        set,
        path,
        file,
        model: modelOfSet[set]!,
        expected: verdicts.get(file) ?? statedVerdict(path),
        searchOnly: false,
        load: () => readHistory(readFileSync(path, 'utf8'), file),
      };
    });
}

interface Made {
  readonly name: string;
  readonly model: string;
  readonly isValid: boolean;
  readonly operations: () => readonly Operation[];
  readonly searchOnly?: boolean;
}

function madeItems(directory: string, set: string, all: readonly Made[]): readonly Item[] {
  return all.map(({ name, model, isValid, operations, searchOnly = false }) => {
    const file = `${name}.jsonl`;
    const path = join(directory, file);
    const history = { meta: { name, model, valid: isValid }, operations: operations(), faults: [] };
    writeFileSync(path, [...encodeHistory(history)].join(''));
    const load = (): History => readHistory(readFileSync(path, 'utf8'), file);
    return { set, path, file, model, expected: isValid ? 'ok' : 'fail', searchOnly, load };
  });
}

/** All hard families, from seeds of our own. */
export function familyItems(directory: string): readonly Item[] {
  return madeItems(
    directory,
    'families',
    hardFamilies().map(({ name, options }) => ({
      name,
      model: 'register',
      isValid: options.bug === undefined,
      operations: () => hardHistory(options).operations,
    })),
  );
}

/** Key-value logs of the shape of the anchors', with up to 100 clients. */
export function appendItems(directory: string): readonly Item[] {
  return madeItems(
    directory,
    'append',
    [50, 100].flatMap((clients) =>
      [false, true].map((isBad) => ({
        name: `append-c${clients}-${isBad ? 'bad' : 'ok'}`,
        model: 'kv',
        isValid: !isBad,
        operations: () => appendHistory({ seed: 1, clients, operations: 2000, keys: 10, isBad }),
      })),
    ),
  );
}

function queueOperations(clients: number, isBad: boolean): readonly Operation[] {
  const plain = clientHistory({
    seed: 3,
    clients,
    operations: 400,
    subject: queueSubject(),
    request: (random, client, count) =>
      random() < 0.5
        ? { f: 'enqueue', input: 1000 * client + count }
        : { f: 'dequeue', input: null },
  });
  if (!isBad) return plain;
  const took = plain.filter(({ f, output }) => f === 'dequeue' && output !== null);
  // Taken a second time, long after the first.
  const again = took.at(-20)!;
  return plain.map((o) => (o === again ? { ...o, output: took[10]!.output } : o));
}

function setOperations(clients: number, isBad: boolean): readonly Operation[] {
  const plain = clientHistory({
    seed: 5,
    clients,
    operations: 400,
    subject: setSubject(),
    request: (random) => {
      const f = ['add', 'remove', 'contains', 'read'][Math.floor(random() * 4)]!;
      return { f, input: f === 'read' ? null : Math.floor(random() * 6) };
    },
  });
  if (!isBad) return plain;
  const reads = plain.filter(({ f }) => f === 'read');
  const at = reads.at(-10)!;
  return plain.map((o) => (o === at ? { ...o, output: [0, 1, 2, 3, 4, 5, 77] } : o));
}

/** Models without any procedure of their own, and others deprived of theirs. */
export function generalItems(directory: string): readonly Item[] {
  const all: Made[] = [];
  for (const isBad of [false, true]) {
    const end = isBad ? 'bad' : 'ok';
    for (const clients of [5, 10]) {
      const size = { isValid: !isBad };
      all.push(
        {
          ...size,
          name: `queue-c${clients}-${end}`,
          model: 'queue',
          // With ten clients neither search ends; the order of the queue decides.
          searchOnly: clients === 5,
          operations: () => queueOperations(clients, isBad),
        },
        {
          ...size,
          name: `set-c${clients}-${end}`,
          model: 'set',
          operations: () => setOperations(clients, isBad),
        },
      );
    }
    all.push({
      name: `register-c10-${end}`,
      model: 'register',
      isValid: !isBad,
      searchOnly: true,
      operations: () =>
        hardHistory({
          seed: 2,
          clients: 10,
          operations: 1000,
          mix: [1, 1, 0],
          domain: 0,
          ...(isBad ? { bug: 'stale' } : {}),
        }).operations,
    });
  }
  return madeItems(directory, 'general', all);
}
