/** Each check says yes to what is right and no to what is wrong. */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import type { Operation } from '../../src/history';
import type { FinalPhaseResult, MemberEnding } from '../finalPhase';
import { registerWorkload } from '../workloads';
import { checkDurable } from './durable';
import { checkExercised } from './exercised';
import { checkLinearizableHistory } from './linearizable';
import { checkAgreement, checkAlive, checkAvailable, checkHealed, checkReplay } from './recovery';
import { checkRevisionOrder } from './revisions';

let nextId = 0;

function operation(fields: Partial<Operation> & Pick<Operation, 'f'>): Operation {
  const id = nextId++;
  const call = fields.call ?? id * 10;
  return {
    ...{ id, process: 0, key: 'k0', input: undefined, output: undefined, member: 'm1' },
    ...{ call, return: call + 5, outcome: 'ok', callIndex: 2 * id, returnIndex: 2 * id + 1 },
    ...fields,
  };
}

beforeEach(() => {
  nextId = 0;
});

describe('revisions never go back', () => {
  const checkRevisions = (operations: readonly Operation[], name: string) =>
    checkRevisionOrder({ operations, faults: [] }, name).find(({ id }) => id === 'revisions')!;

  it('holds when each answer is as new as those before it', () => {
    const operations = [operation({ f: 'put', rev: 5 }), operation({ f: 'get', rev: 5 })];
    expect(checkRevisions(operations, 'h')).toMatchObject({ verdict: 'ok' });
  });

  it('is broken by an older answer of the same member', () => {
    const operations = [operation({ f: 'put', rev: 5 }), operation({ f: 'get', rev: 4 })];
    const result = checkRevisions(operations, 'h');
    expect(result.verdict).toBe('fail');
    expect(result.reason).toBe('m1 answered with revision 4 after revision 5');
    expect(result.counterexample?.operationIds).toEqual([0, 1]);
  });

  it('says nothing of operations that overlap, nor of different members', () => {
    const overlapping = [
      operation({ f: 'put', rev: 5, call: 0, return: 20 }),
      operation({ f: 'get', rev: 4, call: 10, return: 30 }),
    ];
    expect(checkRevisions(overlapping, 'h').verdict).toBe('ok');
    const apart = [operation({ f: 'put', rev: 5 }), operation({ f: 'get', rev: 4, member: 'm2' })];
    expect(checkRevisions(apart, 'h').verdict).toBe('ok');
  });

  it('cannot be decided without revisions', () => {
    expect(checkRevisions([operation({ f: 'put' })], 'h').verdict).toBe('unknown');
  });
});

describe('what was acknowledged is still there', () => {
  const keys = ['k0', 'k1'];
  const lost = (operations: readonly Operation[], finalReads: readonly Operation[]) =>
    checkDurable({ operations, finalReads, keys }, 'h').counterexample?.title;

  it('holds when the final read shows the last change or a later one', () => {
    const write = operation({ f: 'write', input: 1, rev: 5 });
    expect(lost([write], [operation({ f: 'read', output: 1, rev: 9, mod: 5 })])).toBeUndefined();
    expect(lost([write], [operation({ f: 'read', output: 2, rev: 9, mod: 7 })])).toBeUndefined();
  });

  it('is broken by a final read of an older change', () => {
    const writes = [
      operation({ f: 'write', input: 1, rev: 5 }),
      operation({ f: 'write', input: 2, rev: 6 }),
    ];
    const read = operation({ f: 'read', output: 1, rev: 9, mod: 5 });
    expect(lost(writes, [read])).toContain('shows it as it was at revision 5');
  });

  it('is broken by another value at the same revision', () => {
    const write = operation({ f: 'write', input: 1, rev: 5 });
    const read = operation({ f: 'read', output: 2, rev: 5, mod: 5 });
    expect(lost([write], [read])).toContain('another value');
  });

  it('is broken when the store itself went back', () => {
    const write = operation({ f: 'write', input: 1, rev: 5 });
    const read = operation({ f: 'read', output: null, rev: 4, mod: 0 });
    expect(lost([write], [read])).toContain('is of revision 4');
  });

  it('is broken by a key that is gone although nobody deleted it', () => {
    const put = operation({ f: 'put', input: 'a', rev: 5 });
    const read = operation({ f: 'get', output: null, rev: 9, mod: 0 });
    expect(lost([put], [read])).toContain('does not find it');
  });

  it('allows a key to be gone when a deletion can explain it', () => {
    const put = operation({ f: 'put', input: { value: 'a' }, rev: 5 });
    const read = operation({
      f: 'range',
      key: 'k',
      input: { end: 'l' },
      output: { kvs: [], count: 0 },
      rev: 9,
    });
    const deletions = [
      operation({ f: 'delete', input: {}, output: { deleted: 1 }, rev: 6 }),
      operation({ f: 'delete', input: {}, outcome: 'info', return: Infinity }),
      operation({ f: 'delete', key: 'k', input: { end: 'l' }, outcome: 'info', return: Infinity }),
    ];
    for (const deletion of deletions) expect(lost([put, deletion], [read])).toBeUndefined();
    const elsewhere = operation({ f: 'delete', key: 'k1', input: {}, outcome: 'info' });
    expect(lost([put, elsewhere], [read])).toContain('does not find it');
  });

  it('looks into transactions', () => {
    const txn = operation({
      f: 'txn',
      key: undefined,
      input: {
        compare: [],
        success: [
          { f: 'put', key: 'k0', value: { value: 'a' } },
          { f: 'delete', key: 'k1', value: {} },
        ],
        failure: [],
      },
      output: { succeeded: true, results: [{}, { deleted: 1 }] },
      rev: 7,
    });
    const kv = { key: 'k1', value: 'b', mod: 3, create: 3, version: 1 };
    const read = operation({
      f: 'range',
      key: 'k',
      input: { end: 'l' },
      output: { kvs: [kv], count: 1 },
      rev: 9,
    });
    expect(lost([txn], [read])).toContain('k0 was changed at revision 7');
    const here = { ...kv, key: 'k0', value: 'a', mod: 7 };
    const both = operation({
      f: 'range',
      key: 'k',
      input: { end: 'l' },
      output: { kvs: [here, kv], count: 2 },
      rev: 9,
    });
    expect(lost([txn], [both])).toContain('k1 was changed at revision 7');
  });

  it('cannot be decided without final reads', () => {
    const operations = [operation({ f: 'write', input: 1, rev: 5 })];
    expect(checkDurable({ operations, finalReads: [], keys }, 'h').verdict).toBe('unknown');
  });
});

describe('the verdict of the model', () => {
  let directory: string;

  beforeAll(() => {
    directory = mkdtempSync(join(tmpdir(), 'crucible-checks-'));
  });

  afterAll(() => rmSync(directory, { recursive: true, force: true }));

  const check = (operations: readonly Operation[], shared?: string) =>
    checkLinearizableHistory({
      history: { meta: {}, operations, faults: [] },
      workload: registerWorkload(),
      ...{ name: 'h', shared, racing: 0, checkLimitMs: 5_000, replay: 'crucible check h' },
      directory,
    });
  const write = () => operation({ f: 'write', input: 1, output: 1, rev: 2, mod: 2 });

  it('is ok for a history that has an order', () => {
    const results = check([write(), operation({ f: 'read', output: 1, rev: 2, mod: 2 })]);
    expect(results).toMatchObject([
      { id: 'linearizable', verdict: 'ok' },
      { id: 'linearizable-revisions', verdict: 'ok' },
    ]);
  });

  it('is a counterexample that can be found on the timeline for one that has none', () => {
    const [result] = check([write(), operation({ f: 'read', output: null, rev: 1, mod: 0 })]);
    expect(result?.verdict).toBe('fail');
    const replay = 'crucible check h --model register';
    expect(result?.counterexample).toMatchObject({ history: 'h', replay });
    expect(result?.counterexample?.operationIds).toContain(1);
    expect(result?.counterexample?.lines.join('\n')).toContain('read(k0)');
  });

  it('names the few operations of many that contradict each other, key by key', () => {
    const others = Array.from({ length: 30 }, (_, i) =>
      operation({ f: 'write', key: 'k1', input: i, output: i, rev: 2 + i, mod: 2 + i }),
    );
    const rest = { rev: 40, mod: 2 };
    const results = check([
      ...others,
      operation({ f: 'read', key: 'k1', output: 3, ...rest }),
      operation({ f: 'write', input: 1, output: 1, rev: 33, mod: 33 }),
      operation({ f: 'read', output: null, ...rest, mod: 0 }),
    ]);
    const { contradictions = [], page, lines, title } = results[0]!.counterexample!;
    expect(contradictions.map(({ key }) => key).sort()).toEqual(['k0', 'k1']);
    for (const { operations, isMinimal, message } of contradictions) {
      expect(isMinimal).toBe(true);
      expect(operations.filter(({ role }) => role !== 'context').length).toBeLessThanOrEqual(3);
      expect(operations.filter(({ role }) => role === 'culprit')).toHaveLength(1);
      expect(message).toContain('cannot be placed beside write(k');
    }
    expect(lines.join('\n')).toContain('each of them is needed');
    expect(lines).not.toContain(title);
    const text = readFileSync(join(directory, page!), 'utf8');
    for (const { message } of contradictions) expect(text).toContain(message.split(' ')[0]);
    expect(text).toContain('Key k1 is broken');
  });

  it('writes no page about a history that holds', () => {
    rmSync(join(directory, 'linearizable.html'), { force: true });
    check([write(), operation({ f: 'read', output: 1, rev: 2, mod: 2 })]);
    expect(readdirSync(directory)).not.toContain('linearizable.html');
  });

  it('tells values that are right from revisions that are not', () => {
    const results = check([write(), operation({ f: 'read', output: 1, rev: 7, mod: 2 })]);
    expect(results.map(({ verdict }) => verdict)).toEqual(['ok', 'fail']);
  });

  it('skips revisions, with the reason, where others may write', () => {
    const results = check([write()], 'others wrote');
    expect(results.map(({ verdict }) => verdict)).toEqual(['ok', 'skipped']);
  });

  it('is unknown when nothing succeeded', () => {
    const results = check([operation({ f: 'read', outcome: 'fail', error: 'no' })]);
    expect(results.map(({ verdict }) => verdict)).toEqual(['unknown', 'unknown']);
  });
});

describe('what became of the members', () => {
  const changes = [{ rev: 2, key: 'k0', value: 'a' }];
  const ending = (member: string, fields: Partial<MemberEnding> = {}): MemberEnding => {
    const fingerprint = 'hash 1';
    return { member, answeredMs: 3, readAll: true, fingerprint, replay: { changes }, ...fields };
  };
  const result = (...endings: readonly MemberEnding[]): FinalPhaseResult => {
    return { endings, revision: 9, comparedBy: 'HashKV', isCut: false };
  };

  it('agree: the same data everywhere', () => {
    expect(checkAgreement(result(ending('m1'), ending('m2'))).verdict).toBe('ok');
    const other = ending('m2', { fingerprint: 'hash 2' });
    expect(checkAgreement(result(ending('m1'), other))).toMatchObject({
      verdict: 'fail',
      counterexample: { lines: ['m1: hash 1', 'm2: hash 2'] },
    });
    const behind = { ...ending('m2'), fingerprint: undefined, stuckAt: 7 };
    expect(checkAgreement(result(ending('m1'), behind))).toMatchObject({
      verdict: 'fail',
      reason: 'm2 stays at revision 7, others are at 9',
    });
    const silent = ending('m2', { fingerprint: undefined, reason: 'no answer' });
    expect(checkAgreement(result(ending('m1'), silent)).verdict).toBe('unknown');
  });

  it('available: every member serves', () => {
    expect(checkAvailable(result(ending('m1')), 1_000).verdict).toBe('ok');
    const gone = ending('m2', { answeredMs: undefined, readAll: false, reason: 'silent' });
    expect(checkAvailable(result(ending('m1'), gone), 1_000)).toMatchObject({
      verdict: 'fail',
      reason: 'm2: silent',
    });
    const cut = { ...result(ending('m1'), gone), isCut: true };
    expect(checkAvailable(cut, 1_000)).toMatchObject({
      verdict: 'unknown',
      reason: 'the run was ended before that was seen; m2: silent',
    });
  });

  it('replay: the same changes in the same order', () => {
    expect(checkReplay(result(ending('m1'), ending('m2'))).verdict).toBe('ok');
    const other = ending('m2', { replay: { changes: [] } });
    expect(checkReplay(result(ending('m1'), other)).verdict).toBe('fail');
    const twice = ending('m2', { replay: { changes, problem: 'came twice' } });
    expect(checkReplay(result(ending('m1'), twice))).toMatchObject({ reason: 'm2: came twice' });
    const none = ending('m1', { replay: { reason: 'compacted' } });
    expect(checkReplay(result(none)).verdict).toBe('skipped');
    expect(checkReplay(result(ending('m2'), none)).verdict).toBe('unknown');
  });

  it('recovers: after every fault', () => {
    const counts = new Map([['kill leader', 2]]);
    const seen = { impossible: new Map<string, string>(), isUnseen: false };
    expect(checkHealed({ counts, notHealed: [], ...seen }, 1_000).verdict).toBe('ok');
    const notHealed = [{ fault: 'kill leader', members: ['m1'], reason: 'waited 1000 ms' }];
    expect(checkHealed({ counts, notHealed, ...seen }, 1_000).verdict).toBe('fail');
    expect(checkHealed({ counts: new Map(), notHealed: [], ...seen }, 1_000)).toMatchObject({
      verdict: 'skipped',
    });
    const unseen = { counts, notHealed: [], ...seen, isUnseen: true };
    expect(checkHealed(unseen, 1_000).verdict).toBe('unknown');
  });

  it('alive: nobody ends by itself', () => {
    expect(checkAlive([], 3, 1).verdict).toBe('ok');
    expect(checkAlive([], 3, 1, false).verdict).toBe('skipped');
    const exit = { member: 'm1', exitCode: 2, signal: null, logTail: 'a\npanic: b\n' };
    expect(checkAlive([exit], 3, 1)).toMatchObject({
      verdict: 'fail',
      counterexample: { lines: ['a', 'panic: b'] },
    });
  });
});

describe('what was exercised', () => {
  const done = [operation({ f: 'read' }), operation({ f: 'write' })];

  it('is enough when everything succeeded once and something raced with faults', () => {
    expect(checkExercised({ operations: done, faults: 1, racing: 1 }).verdict).toBe('ok');
    expect(checkExercised({ operations: done, faults: 0, racing: 0 }).verdict).toBe('ok');
  });

  it('is not enough otherwise', () => {
    const none = [...done, operation({ f: 'cas', outcome: 'fail' })];
    expect(checkExercised({ operations: none, faults: 1, racing: 1 })).toMatchObject({
      verdict: 'unknown',
      reason: 'no cas succeeded',
    });
    expect(checkExercised({ operations: done, faults: 1, racing: 0 }).verdict).toBe('unknown');
    expect(checkExercised({ operations: [], faults: 0, racing: 0 }).verdict).toBe('unknown');
    const calm = { operations: done, faults: 0, racing: 0, faultsPossible: true };
    expect(checkExercised(calm)).toMatchObject({ reason: 'no fault was injected' });
  });
});
