/** What a user gets of a failure: files to keep, a walk through it, and words for what it is. */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import ts from 'typescript';
import { packageDirectory } from '../../../reports/packageDirectory';
import { simulate } from '../../simulator';
import type { Outcome, Violation } from '../../simulator';
import { bugProbability, describeProbability } from './bugProbability';
import { loadFailure, saveFailure } from './failure';
import { regressionTest } from './regressionTest';
import { StepThrough } from './stepThrough';
import { triage } from './triage';

const ROOT = packageDirectory();
const PATH = join(ROOT, 'properties/simulator/regressions/replacedInOneSync.json');
const failure = loadFailure(PATH);
const { plan, violation } = failure;
const outcome = simulate(plan, { recordsMax: 50_000, messagesMax: 10_000, safetyOnly: true });

describe('the directory of a failure', () => {
  const directory = mkdtempSync(join(tmpdir(), 'crucible-failure-'));
  afterAll(() => rmSync(directory, { recursive: true }));

  it('holds what is needed to replay, to keep and to read it', () => {
    const path = saveFailure(failure, join(directory, 'seed 1'));
    expect(readdirSync(dirname(path)).sort()).toEqual([
      'failure.html',
      'failure.test.ts',
      'history.jsonl',
      'log.txt',
      'replay.json',
    ]);
    expect(loadFailure(path).plan).toEqual(plan);
    const page = readFileSync(join(dirname(path), 'failure.html'), 'utf8');
    expect(page).toContain(violation.sentence);
    expect(page.match(/marker-end/g)!.length).toBeGreaterThan(50);
    expect(page).toMatch(/<title>n\d to n\d: append term \d+ index/);
  });

  it('has a test that passes as soon as the plan holds', () => {
    const code = regressionTest(failure);
    const { outputText, diagnostics } = ts.transpileModule(code, {
      reportDiagnostics: true,
      compilerOptions: { module: ts.ModuleKind.CommonJS },
    });
    expect(diagnostics).toEqual([]);
    const tests: [string, () => void][] = [];
    const load = (name: string): unknown =>
      jest.requireActual(join(ROOT, 'properties/simulator', name));
    // eslint-disable-next-line @typescript-eslint/no-implied-eval -- the file that was written
    const run = new Function('require', 'exports', 'test', 'expect', outputText) as (
      ...given: unknown[]
    ) => void;
    run(load, {}, (name: string, body: () => void) => tests.push([name, body]), expect);
    expect(tests.map(([name]) => name)).toEqual([`${violation.invariant} holds: ${plan.seed}`]);
    tests[0]![1]();
  });
});

describe('walking through a run', () => {
  const walk = () => new StepThrough(outcome.records(), plan.members);

  it('shows one event after the other and a column a member', () => {
    const steps = walk();
    expect(steps.command('')).toMatch(/^\[1\/\d+\] 0\.000000 s {2}event 0 {2}n1 starts\n/);
    const lines = steps.command('3')!.split('\n');
    expect(lines.slice(0, 3).map((line) => line.slice(0, 3))).toEqual(['[2/', '[3/', '[4/']);
    expect(lines[3]!.trim().split(/\s+/)).toEqual(['n1', 'n2', 'n3', 'n4', 'n5']);
    expect(lines[4]!.trim().split(/\s+/)[0]).toBe('role');
  });

  it('goes on until a member changes, and to the end', () => {
    const steps = walk();
    const role = () => steps.command('s')!.split('\n')[1]!.trim().split(/\s+/)[2];
    expect(role()).toBe('unseen');
    steps.command('m2');
    expect(role()).not.toBe('unseen');
    steps.command('e');
    expect(steps.isOver).toBe(true);
    expect(steps.command('')).toBe('the run is over');
    expect(steps.command('q')).toBeUndefined();
  });

  it('says what it does not understand', () => {
    expect(walk().command('x')).toContain("'x' is no command; enter: next event");
    expect(walk().command('m9')).toBe('there is no member 9');
  });
});

describe('drawing anew from a moment on', () => {
  const options = { safetyOnly: true } as const;

  it('leaves what was before as it was', () => {
    const whole = simulate(plan, options);
    const late = { atMs: plan.options.safetyMs, seed: 'another' };
    expect(simulate(plan, { ...options, reseed: late }).hash).toBe(whole.hash);
    const early = { atMs: 300, seed: 'another' };
    const other = simulate(plan, { ...options, reseed: early });
    expect(other.hash).not.toBe(whole.hash);
    expect(simulate(plan, { ...options, reseed: early }).hash).toBe(other.hash);
    const until = (records: Outcome['records']) =>
      records().filter(({ timeUs }) => timeUs < 300_000);
    expect(until(other.records)).toEqual(until(whole.records));
  });

  it('counts how often the same promise is broken', () => {
    const moments = bugProbability(plan, violation, { moments: 1, runs: 2 });
    expect(moments).toEqual([
      { atMs: 0, failed: 0, runs: 2 },
      { atMs: violation.timeMs, failed: 0, runs: 2 },
    ]);
    expect(describeProbability(moments)).toContain('as likely at every moment');
    const rising = [1, 2, 9, 10].map((failed, i) => ({ atMs: 100 * i, failed, runs: 10 }));
    const text = describeProbability(rising);
    expect(text).toContain('    0.200 s  ##################.. 9/10');
    expect(text).toContain('decided between 0.100 s and 0.200 s');
  });
});

describe('the triage', () => {
  const of = (invariant: string, timeMs: number, refused = 0) => {
    const broken: Violation = { ...violation, invariant, timeMs };
    const marks = { ...outcome.marks, 'damaged log refused': refused };
    return triage(plan, broken, { ...outcome, marks });
  };

  it('tells safety, liveness and what clients saw apart', () => {
    expect(of('logMatching', 3_000)).toContain('safety: the members broke a promise while');
    expect(of('linearizability', 9_000)).toContain('safety: clients saw');
    expect(of('noFailure', 3_000)).toContain('a member gave up while faults were striking');
    expect(of('logMatching', 1_200)).toContain('hunt, 52 ms earlier');
  });

  it('says whether a cluster could have come back', () => {
    expect(of('liveness', 9_000)).toContain('recoverable: 5 of 5 members were sound');
    expect(of('liveness', 9_000, 3)).toContain('not recoverable: only 2 of 5');
  });
});
