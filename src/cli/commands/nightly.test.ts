/**
 * The nightly workflow says what this package understands: every command in it is parsed by the
 * command line itself, its shards are all scenarios once, and what it runs is there.
 */
import { existsSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';

import { scenarios } from '../../../chaos';
import { parseTarget } from '../verify/target';
import { chaosCommand, parseShard, shardOf } from './chaos';
import { reportCommand } from './report';

const root = join(__dirname, '../../..');
const workflow = readFileSync(join(root, '.github/workflows/nightly.yml'), 'utf8');

/** The shell lines of all steps: a folded block is one line, a literal one is as many as it has. */
function shellLines(): readonly string[] {
  const lines = workflow.split('\n');
  return lines.flatMap((line, at) => {
    const [, before, first] = /^( *(?:- )?)run: (.*)$/.exec(line) ?? [];
    if (before === undefined || first === undefined) return [];
    if (first !== '>-' && first !== '|') return [first];
    const rest = lines.slice(at + 1);
    const end = rest.findIndex((one) => one.search(/\S|$/) <= before.length);
    const block = rest.slice(0, end).map((one) => one.trim());
    return first === '>-' ? [block.join(' ')] : block;
  });
}

function matrix(name: string): readonly string[] {
  const list = new RegExp(`^ *${name}: \\[(.*)\\]$`, 'm').exec(workflow)?.[1];
  return list!.split(',').map((word) => word.trim().replace(/^'(.*)'$/, '$1'));
}

/** What the shell hands to `crucible`, for one choice of the matrix. */
function argvOf(command: string, chosen: Readonly<Record<string, string>>): readonly string[] {
  const line = shellLines().find((one) => one.includes(`main.js ${command} `))!;
  const filled = line
    .replace(/\$\{\{ matrix\.(\w+) \}\}/g, (_, name: string) => chosen[name]!)
    .replace(/\$\{\{ github\.sha \}\}/g, '0123abcd')
    .replace(/\$MINUTES/g, '30')
    .replace(/\$target/g, 'reference');
  expect(filled).not.toContain('${{');
  return filled
    .slice(filled.indexOf(`main.js ${command} `))
    .split(/\s+/)
    .slice(2);
}

describe('the nightly workflow', () => {
  it('plays every scenario once, over all of its shards', () => {
    const played = matrix('shard').flatMap((shard) => shardOf(scenarios, parseShard(shard)));
    expect(played.map(({ name }) => name).sort()).toEqual(scenarios.map(({ name }) => name).sort());
  });

  it('asks `crucible chaos` for what it has', () => {
    for (const target of matrix('target')) {
      for (const runtime of matrix('runtime')) {
        for (const shard of matrix('shard')) {
          const command = chaosCommand().exitOverride();
          const argv = argvOf('chaos', { target, runtime, shard });
          const { operands, unknown } = command.parseOptions([...argv]);
          expect({ operands, unknown }).toEqual({ operands: [], unknown: [] });
          expect(command.opts()).toMatchObject({ all: true, runtime, target, minutes: 30 });
          expect(parseTarget(target, command.opts<{ runtime: 'process' }>().runtime)).toBeDefined();
        }
      }
    }
  });

  it('asks `crucible report` for what it has, and merges what was uploaded', () => {
    const command = reportCommand().exitOverride();
    const { operands, unknown } = command.parseOptions([...argvOf('report', {})]);
    expect({ operands, unknown }).toEqual({ operands: ['shards/chaos-reference-*'], unknown: [] });
    expect(workflow).toContain('name: chaos-${{ steps.name.outputs.name }}');
    expect(workflow).toContain('{ pattern: chaos-*, path: shards }');
  });

  it('runs scripts that are there', () => {
    const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
      scripts: Readonly<Record<string, string>>;
    };
    const text = shellLines().join('\n');
    const named = [...text.matchAll(/npm run (\S+)/g)].map(([, name]) => name!);
    expect(named.length).toBeGreaterThan(0);
    for (const name of named) expect(Object.keys(scripts)).toContain(name);
    for (const [file] of text.matchAll(/\.ci\/\w+/g)) {
      expect(existsSync(join(root, file)) && statSync(join(root, file)).mode & 0o100).toBeTruthy();
    }
  });
});
