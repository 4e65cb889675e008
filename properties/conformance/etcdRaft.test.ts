/**
 * etcd-io/raft's data-driven scripts and our own, byte for byte against the core.
 *
 * Theirs are found by ETCD_RAFT_TESTDATA; without them that part says that it was skipped.
 */
import { parseScript, runScript } from './datadriven';
import { interactionHandler } from './interaction';
import { explain, findScripts, ownScripts, runFile, scriptFolder } from './scripts';

function expectPass(script: Parameters<typeof runFile>[0]): void {
  const { mismatches, directives } = runFile(script);
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
