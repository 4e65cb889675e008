/**
 * etcd-io/raft's data-driven scripts and our own, byte for byte against the core.
 *
 * Theirs are found by ETCD_RAFT_TESTDATA; without them that part says that it was skipped.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { changeHandler } from './changeScripts';
import { parseScript, runScript } from './datadriven';
import { interactionHandler } from './interaction';
import { handleQuorum } from './quorumScripts';
import { explain, findScripts, ownScripts, runFile, scriptFolder } from './scripts';

function expectPass(script: Parameters<typeof runFile>[0]): void {
  const { mismatches, directives, error } = runFile(script);
  expect(error).toBeUndefined();
  expect(directives).toBeGreaterThan(0);
  expect(mismatches.map((mismatch) => explain(script, mismatch)).join('\n')).toBe('');
}

describe('scripts of etcd-io/raft', () => {
  const scripts = findScripts(scriptFolder());
  if (scripts.length === 0) {
    const reason = `no etcd-raft scripts in ${scriptFolder()}`;
    process.stderr.write(`skipped: ${reason}\n`);
    test.todo(`skipped: ${reason}`);
  }
  for (const script of scripts) test(script.name, () => expectPass(script));
});

describe('our own scripts', () => {
  for (const script of ownScripts()) test(script.name, () => expectPass(script));
});

describe('the harness itself', () => {
  const run = (text: string): readonly string[] =>
    runScript(parseScript(text), interactionHandler()).map(({ actual }) => actual);

  test('passes a script whose output is right', () => {
    expect(run('raft-state\n----\nok\n')).toEqual([]);
  });

  test('reports a script whose output differs by one byte', () => {
    expect(run('raft-state\n----\nok \n')).toEqual(['ok\n']);
  });

  test('reports an unknown command, a missing node and a wrong argument', () => {
    expect(run('make-coffee\n----\nok\n')).toEqual(['unknown command\n']);
    expect(run('campaign 7\n----\nok\n')).toEqual(['node 7 does not exist\n']);
    expect(run('add-nodes 1 colour=red\n----\nok\n')).toEqual(['unknown argument colour\n']);
  });

  test('runs the commands in the input of another, whatever becomes of each', () => {
    const script = 'log-level none\nadd-nodes 3 voters=(1,2,3) index=3\ncampaign 1\nstabilize\n';
    expect(run(`${script}----\nok\n`)).toEqual([]);
    const after = `${script}log-level info\nraft-state\ncampaign 9\nraft-log 2\n----\n`;
    expect(run(after).join('')).toMatch(
      /^1: StateLeader .*node 9 does not exist1\/4 EntryNormal ""\n$/s,
    );
  });

  test.each([
    ['deliver-msgs 1 colour=red', 'unknown argument colour'],
    ['deliver-msgs 1 type=MsgCoffee', 'unknown message type MsgCoffee'],
    ['add-nodes 1 inflight=many', 'inflight is not a number'],
    ['add-nodes 1 read-only=never', 'invalid read-only option "never"'],
    ['campaign', '"undefined" is not a number'],
    ['raft-log x', '"x" is not a number'],
    ['compact 1', 'node 1 does not exist'],
    ['status 0', 'node 0 does not exist'],
    ['set-randomized-election-timeout 1', 'node 1 does not exist'],
    ['log-level loud', 'log levels must be either of'],
    ['propose-conf-change 1 transition=sometimes', 'unknown transition sometimes'],
  ])('says what is wrong with %s', (command, problem) => {
    expect(run(`${command}\n----\nok\n`).join('')).toContain(problem);
  });

  test('goes on after a command that fails, in the core or in the harness itself', () => {
    const handle = interactionHandler();
    const [directive] = parseScript('log-level none\nadd-nodes 1 voters=(1) index=3\n----\nok\n');
    expect(handle(directive!)).toBe('ok');
    const command = (text: string) => handle(parseScript(`${text}\n----\nx\n`)[0]!);
    expect(command('compact 1')).toContain('raft: compacting');
    expect(handle({ ...directive!, command: 'stabilize', args: undefined as never })).toContain(
      'the harness failed at "stabilize": TypeError',
    );
    expect(command('log-level info\nraft-state')).toContain('1: StateFollower');
  });

  test('says what is wrong with a script about quorums or changes', () => {
    const quorum = (head: string) => handleQuorum(parseScript(`${head}\n----\nx\n`)[0]!);
    expect(quorum('committed cfg=(1,2) colour=red')).toBe('unknown argument colour');
    expect(quorum('committed cfg=(1,x) idx=(1,2)')).toBe('cfg cannot be "x"');
    expect(quorum('committed cfg=(1) idx=(0)')).toBe('idx cannot be "0"');
    expect(quorum('vote cfg=(1) votes=(maybe)')).toBe('votes cannot be "maybe"');
    expect(quorum('committed cfg=(1) cfgj=(2,zero) idx=(1,2)')).toContain('cannot mix');
    expect(quorum('brew cfg=(1) idx=(1)')).toBe('unknown command');
    const change = (head: string) => changeHandler()(parseScript(`${head}\n----\nx\n`)[0]!);
    expect(change('simple colour=red\nv1')).toBe('unknown argument colour');
    expect(change('brew\nv1')).toBe('unknown command');
  });

  test('counts a file that is no script as failed', () => {
    const directory = mkdtempSync(join(tmpdir(), 'crucible-scripts-'));
    try {
      const path = join(directory, 'bad.txt');
      writeFileSync(path, 'campaign 1\n');
      const outcome = runFile({ kind: 'interaction', name: 'bad.txt', path });
      expect(outcome.error).toBe('line 1: no ---- after "campaign 1"');
      const missing = runFile({ kind: 'quorum', name: 'none', path: join(directory, 'none') });
      expect(missing.error).toContain('ENOENT');
    } finally {
      rmSync(directory, { recursive: true });
    }
  });

  test('reads comments, input, lists, continued lines and doubled separators', () => {
    const text =
      '# c\n\nvote cfg=(1, 2) \\\n  votes=(y,_)\nin 1\nin 2\n----\n----\na\n\nb\n----\n----\n';
    expect(parseScript(text)).toEqual([
      {
        line: 3,
        command: 'vote',
        args: [
          { key: 'cfg', values: ['1', '2'] },
          { key: 'votes', values: ['y', '_'] },
        ],
        input: 'in 1\nin 2',
        expected: 'a\n\nb\n',
      },
    ]);
  });

  test('refuses a script that does not follow the format', () => {
    expect(() => parseScript('campaign 1\n')).toThrow('line 1: no ---- after "campaign 1"');
    expect(() => parseScript('campaign 1\n----\n----\nx\n')).toThrow('no closing pair');
  });
});
