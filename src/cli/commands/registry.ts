/** All commands with their one-line summaries; each is loaded only when it is asked for. */
import type { Command } from 'commander';

export interface CommandEntry {
  readonly name: string;
  readonly summary: string;
  readonly load: () => Command;
}

/* eslint-disable @typescript-eslint/no-require-imports -- loaded lazily, on purpose */
type Loader<Name extends string> = Record<Name, () => Command>;

export const commands: readonly CommandEntry[] = [
  {
    name: 'verify',
    summary: 'the main job: simulate, put faults on a real cluster, judge, report',
    load: () => (require('./verify') as Loader<'verifyCommand'>).verifyCommand(),
  },
  {
    name: 'simulate',
    summary: 'property sweep of the reference in the deterministic simulator',
    load: () => (require('./simulate') as Loader<'simulateCommand'>).simulateCommand(),
  },
  {
    name: 'mutants',
    summary: 'put known bugs into the reference and see which the checks catch',
    load: () => (require('./mutants') as Loader<'mutantsCommand'>).mutantsCommand(),
  },
  {
    name: 'chaos',
    summary: 'scenarios on real clusters: kill, lag, power, memory and more',
    load: () => (require('./chaos') as Loader<'chaosCommand'>).chaosCommand(),
  },
  {
    name: 'check',
    summary: 'judge stored histories, whoever recorded them',
    load: () => {
      // Before its modules are loaded, so that it holds for all of them.
      (require('../check/optimizeLater') as { optimizeLater(): void }).optimizeLater();
      return (require('./check') as Loader<'checkCommand'>).checkCommand();
    },
  },
  {
    name: 'replay',
    summary: 'run a simulated failure again, step by step',
    load: () => (require('./replay') as Loader<'replayCommand'>).replayCommand(),
  },
  {
    name: 'report',
    summary: 'write the documents of a stored run again',
    load: () => (require('./report') as Loader<'reportCommand'>).reportCommand(),
  },
  {
    name: 'serve',
    summary: 'run a member of the reference Raft KV',
    load: () => (require('./serve') as Loader<'serveCommand'>).serveCommand(),
  },
  {
    name: 'restore',
    summary: 'make the data directory of a new cluster from a saved snapshot',
    load: () => (require('./restore') as Loader<'restoreCommand'>).restoreCommand(),
  },
];
