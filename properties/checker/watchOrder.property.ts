/**
 * Reports of etcd's robustness suite with a watch of everything: the watch tells the order of the
 * changes whose outcome nobody knows, so that they need no search. Converted and read back as the
 * suite writes them.
 */

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { checkLinearizable, etcd, modelNamed } from '../../models';
import { orderOfChanges } from '../../models/etcdRules/replay';
import { runCheck } from '../../src/cli/commands/check';
import { mergeHistories, readHistory, writeHistory } from '../../src/history';
import type { History, Operation, WatchEvent, WatchLog } from '../../src/history';
import { clientHistory } from './clientHistories';
import { randomFrom } from './hardHistories';
import { etcdSubject } from './subjects';

const clients = 30;
const keys = 5;

/** Puts and reads on a few keys; every third put was never answered, though it took effect. */
function run(seed: number, operations: number): History {
  const subject = etcdSubject();
  const events: WatchEvent[] = [];
  const all = clientHistory({
    ...{ seed, clients, operations },
    subject: {
      apply: (planned) => {
        const answer = subject.apply(planned);
        const { key = '', input } = planned;
        if (planned.f === 'put') {
          const { value } = input as { readonly value: string };
          const isCreate = !events.some((event) => event.key === key);
          events.push({ type: 'put', key, value, rev: answer.rev!, isCreate });
        }
        return answer;
      },
    },
    request: (random, client, count) => {
      const key = `k${Math.floor(random() * keys)}`;
      if (random() < 0.4) return { f: 'range', key, input: {} };
      // Values repeat, so that they do not tell who wrote them.
      return { f: 'put', key, input: { value: `v${(client + count) % 4}` } };
    },
  });
  const random = randomFrom(seed);
  const lossy = all.map((one): Operation => {
    if (one.f !== 'put' || random() >= 1 / 3) return one;
    return { ...one, rev: undefined, output: undefined, outcome: 'info', return: Infinity };
  });
  const watch: WatchLog = {
    name: 'watcher',
    request: { key: '\0', end: '\0', revision: 1 },
    responses: events.map((event) => ({ rev: event.rev, events: [event] })),
  };
  return { meta: {}, operations: withProcesses(lossy), faults: [], watches: [watch] };
}

/** After an unknown outcome a client goes on as a new process. */
function withProcesses(operations: readonly Operation[]): readonly Operation[] {
  const process = Array.from({ length: clients }, (_, client) => client);
  return operations.map((one) => {
    const client = one.process;
    const renamed = { ...one, process: process[client]! };
    if (one.outcome === 'info') process[client]! += clients;
    return renamed;
  });
}

/** As the suite's files say it, read back. */
function converted(history: History): History {
  const files = writeHistory('etcd-report', history);
  return mergeHistories(files.map(({ lines, path }) => readHistory([...lines].join(''), path)));
}

/** One late read shows the key as it was long before. */
function stale(history: History): History {
  const reads = history.operations.filter(({ f }) => f === 'range');
  const early = reads.find(({ output }) => JSON.stringify(output).includes('"mod"'))!;
  const late = reads.filter(({ key }) => key === early.key).at(-2)!;
  const operations = history.operations.map((one) =>
    one === late ? { ...one, output: early.output } : one,
  );
  return { ...history, operations };
}

function withEvents(
  history: History,
  events: (all: readonly WatchEvent[]) => readonly WatchEvent[],
) {
  const [log] = history.watches!;
  const all = events(log!.responses.flatMap((response) => response.events));
  return {
    ...history,
    watches: [{ ...log!, responses: [{ rev: all.at(-1)!.rev, events: all }] }],
  };
}

describe('a full watch of a report', () => {
  test.each([1, 2, 3])('is the order in which the changes are tried, run %d', (seed) => {
    const history = converted(run(seed, 2000));
    expect(orderOfChanges(history)!.length).toBeGreaterThan(900);
    const { verdict, partitions, nodes } = checkLinearizable(history, etcd());
    expect(verdict).toBe('ok');
    expect(partitions.map(({ method }) => method)).toEqual(['revisions']);
    // One sweep; without the watch the limit is reached.
    expect(nodes).toBeLessThan(2000);
    expect(checkLinearizable(history.operations, etcd(), { nodesMax: 10_000 }).verdict).toBe(
      'unknown',
    );
  });

  test('changes no verdict', () => {
    for (const history of [run(4, 60), stale(run(4, 60))].map(converted)) {
      const { verdict } = checkLinearizable(history.operations, etcd());
      expect(checkLinearizable(history, etcd()).verdict).toBe(verdict);
    }
  });

  test('does not hide a stale read', () => {
    const found = checkLinearizable(converted(stale(run(5, 2000))), etcd());
    expect(found.verdict).toBe('fail');
    expect(found.explanation?.message).toMatch(/range\(k\d\) -> /);
  });

  test('is not believed when it cannot be true', () => {
    const history = run(6, 60);
    const broken = [
      withEvents(history, (all) => all.filter((_, i) => i !== 7)),
      withEvents(history, (all) => [all[1]!, all[0]!, ...all.slice(2)]),
      withEvents(history, (all) => all.slice(1)),
      { ...history, watches: [history.watches![0]!, otherOf(history)] },
    ];
    for (const one of broken) {
      expect(orderOfChanges(one)).toBeUndefined();
      expect(checkLinearizable(one, etcd()).verdict).toBe('ok');
    }
  });

  test('is not used when it did not ask for everything', () => {
    const history = run(6, 60);
    const [log] = history.watches!;
    const late = { ...log!, request: { ...log!.request, revision: 5 } };
    expect(orderOfChanges({ ...history, watches: [late] })).toBeUndefined();
    expect(modelNamed('etcd')!.check({ ...history, watches: [late] }).verdict).toBe('ok');
  });
});

/** Another full watch, which saw another value. */
function otherOf(history: History): WatchLog {
  const [log] = history.watches!;
  const responses = log!.responses.map((response, i) =>
    i === 3
      ? { ...response, events: response.events.map((one) => ({ ...one, value: 'no' })) }
      : response,
  );
  return { ...log!, name: 'another', responses };
}

describe('crucible check of a directory with a watch', () => {
  test('judges by the order of the watch', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'crucible-report-'));
    try {
      for (const { path, lines } of writeHistory('etcd-report', run(7, 1000))) {
        mkdirSync(dirname(join(directory, path)), { recursive: true });
        writeFileSync(join(directory, path), [...lines].join(''));
      }
      let out = '';
      const io = { out: (text: string) => (out += text), err: () => undefined, now: () => 0 };
      const code = await runCheck([directory], { json: true }, io);
      expect(JSON.parse(out)).toMatchObject({ verdict: 'ok', model: 'etcd' });
      expect(code).toBe(0);
      expect((JSON.parse(out) as { nodes: number }).nodes).toBeLessThan(1000);
    } finally {
      rmSync(directory, { recursive: true });
    }
  });
});
