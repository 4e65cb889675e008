/**
 * Finding and running etcd-io/raft's data-driven scripts.
 *
 * They are not part of this repository. Point ETCD_RAFT_TESTDATA at a folder that holds
 * `testdata` (interaction scripts), `quorum` and `confchange`, each with its .txt files; or at
 * a checkout of etcd-io/raft, where the last two keep theirs in `testdata` below them.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { changeHandler } from './changeScripts';
import { parseScript, runScript, type Directive, type Mismatch } from './datadriven';
import { interactionHandler } from './interaction';
import { handleQuorum } from './quorumScripts';

export type ScriptKind = 'interaction' | 'quorum' | 'confchange';

export interface Script {
  readonly kind: ScriptKind;
  /** Path below the folder, for messages. */
  readonly name: string;
  readonly path: string;
}

export interface ScriptOutcome {
  readonly directives: number;
  readonly mismatches: readonly Mismatch[];
  /** Why the script could not be run at all. */
  readonly error?: string;
}

const REPOSITORY = resolve(__dirname, '../..');

/** Where the scripts of etcd-io/raft are looked for. */
export function scriptFolder(): string {
  const named = process.env['ETCD_RAFT_TESTDATA'];
  return named !== undefined && named !== ''
    ? resolve(named)
    : resolve(REPOSITORY, '../shared/etcd-raft');
}

/** Our own interaction scripts, in the same format. */
export function ownScripts(): readonly Script[] {
  return scriptsIn(REPOSITORY, 'src/raft/testdata', 'interaction');
}

/** All scripts below `folder`, by kind and name; none when the folder is missing. */
export function findScripts(folder: string): readonly Script[] {
  return [
    ...scriptsIn(folder, 'quorum', 'quorum'),
    ...scriptsIn(folder, 'quorum/testdata', 'quorum'),
    ...scriptsIn(folder, 'confchange', 'confchange'),
    ...scriptsIn(folder, 'confchange/testdata', 'confchange'),
    ...scriptsIn(folder, 'testdata', 'interaction'),
  ];
}

/** Runs all directives of one script. Never throws: what is wrong with a file is its failure. */
export function runFile(script: Script): ScriptOutcome {
  try {
    const directives = parseScript(readFileSync(script.path, 'utf8'));
    return {
      directives: directives.length,
      mismatches: runScript(directives, handlerOf(script.kind)),
    };
  } catch (error) {
    return { directives: 0, mismatches: [], error: (error as Error).message };
  }
}

/** What was expected and what came, line by line, for a reader. */
export function explain(script: Script, { directive, actual }: Mismatch): string {
  const head = `${script.name}:${directive.line}: ${directive.command}`;
  return `${head}\n--- expected\n${directive.expected}--- actual\n${actual}`;
}

function handlerOf(kind: ScriptKind): (directive: Directive) => string {
  if (kind === 'quorum') return handleQuorum;
  return kind === 'confchange' ? changeHandler() : interactionHandler();
}

function scriptsIn(root: string, folder: string, kind: ScriptKind): readonly Script[] {
  const path = join(root, folder);
  if (!existsSync(path)) return [];
  return readdirSync(path)
    .filter((file) => file.endsWith('.txt'))
    .sort()
    .map((file) => ({
      kind,
      name: relative(root, join(path, file)),
      path: join(path, file),
    }));
}
