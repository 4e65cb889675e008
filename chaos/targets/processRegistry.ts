/**
 * Keeps member processes, and what belongs to them, from outliving the runner.
 *
 * Four nets, each for what the one before misses: an orderly end disposes of the cluster; a throw,
 * `process.exit` or a deadly signal runs the exit handlers here; a runner that was killed outright
 * is followed by its reaper; and should that be killed as well, there is a file with the ids of
 * the children, the mounts, the control groups and the temporary directories, which the next start
 * on this machine sweeps. A process id may by then belong to somebody else, so a process is killed
 * only when its command line still contains the marker it was started with (its data directory).
 */
import { execFileSync, type StdioOptions } from 'node:child_process';
import { mkdirSync, readFileSync, readdirSync, rmSync, rmdirSync, writeFileSync } from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';

import { Reaper } from '../reaper';

interface Child {
  readonly pid: number;
  /** A string that only this child's command line contains. */
  readonly marker: string;
}

/** What a runner has on this machine; its id file holds exactly this. */
interface Belongings {
  readonly children: readonly Child[];
  readonly mounts: readonly string[];
  readonly groups: readonly string[];
  /** Temporary ones, which nobody wants to look into afterwards. */
  readonly directories: readonly string[];
}

export interface Swept {
  readonly killed: readonly number[];
  /** Whatever was not killed is gone. */
  readonly isClear: boolean;
}

const children = new Map<number, Child>();
const mounts = new Set<string>();
const groups = new Set<string>();
const directories = new Set<string>();
let reaper: Reaper | undefined;

/** The directory of the id files; one per user because of permissions. */
function registryDirectory(): string {
  return join(tmpdir(), `raft-crucible-${userInfo().username}`);
}

function registryFile(runnerPid: number): string {
  return join(registryDirectory(), `${runnerPid}.json`);
}

/** The command line of a process, or undefined when there is no such process. */
export function commandLine(pid: number): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
  } catch {
    if (process.platform === 'linux') return undefined;
  }
  try {
    return execFileSync('ps', ['-ww', '-o', 'args=', '-p', String(pid)], { encoding: 'utf8' });
  } catch {
    return undefined;
  }
}

function killChild(child: Child): boolean {
  if (!commandLine(child.pid)?.includes(child.marker)) return false;
  try {
    process.kill(child.pid, 'SIGKILL');
    return true;
  } catch {
    return false;
  }
}

function save(): void {
  const file = registryFile(process.pid);
  const mine: Belongings = {
    children: [...children.values()],
    mounts: [...mounts],
    groups: [...groups],
    directories: [...directories],
  };
  if (Object.values(mine).every((list: readonly unknown[]) => list.length === 0)) {
    rmSync(file, { force: true });
    return;
  }
  mkdirSync(registryDirectory(), { recursive: true, mode: 0o700 });
  writeFileSync(file, JSON.stringify(mine), { mode: 0o600 });
}

/** Removes an empty control group; false when it is there all the same. */
export function removeGroup(group: string): boolean {
  try {
    rmdirSync(group);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ENOENT';
  }
}

function quietly(program: string, argv: readonly string[]): boolean {
  try {
    const stdio: StdioOptions = ['ignore', 'ignore', 'ignore'];
    execFileSync(program, argv, { stdio });
    return true;
  } catch {
    return false;
  }
}

function isMounted(path: string): boolean {
  try {
    // Spaces and the like stand there as octal numbers.
    const shown = path.replace(
      /[ \t\n\\]/g,
      (c) => `\\${c.charCodeAt(0).toString(8).padStart(3, '0')}`,
    );
    return readFileSync('/proc/self/mounts', 'utf8').includes(` ${shown} `);
  } catch {
    return false;
  }
}

function removeAll(belongings: Belongings): Swept {
  // A process that waits for a frozen disk cannot die before it thaws.
  for (const mount of belongings.mounts) {
    if (isMounted(mount)) quietly('fsfreeze', ['--unfreeze', mount]);
  }
  const killed = belongings.children.filter(killChild).map(({ pid }) => pid);
  const mounted = belongings.mounts.toReversed().filter((mount) => {
    // Lazily: the kernel lets go of it as soon as the last process that uses it is gone.
    return isMounted(mount) && !quietly('umount', [mount]) && !quietly('umount', ['-l', mount]);
  });
  const kept = belongings.groups.filter((group) => !removeGroup(group));
  if (mounted.length === 0) {
    for (const directory of belongings.directories) {
      rmSync(directory, { recursive: true, force: true, maxRetries: 3 });
    }
  }
  return { killed, isClear: mounted.length + kept.length === 0 };
}

function removeMine(): void {
  removeAll({
    children: [...children.values()],
    mounts: [...mounts],
    groups: [...groups],
    directories: [...directories],
  });
}

/**
 * On a deadly signal: when somebody else listens too (the command line aborts the run and writes
 * its report), they decide how to end, and the exit handler does the rest. Otherwise the children
 * die and the signal gets its usual effect.
 */
function onSignal(signal: NodeJS.Signals): void {
  if (process.listenerCount(signal) > 1) return;
  removeMine();
  process.removeListener(signal, onSignal);
  process.kill(process.pid, signal);
}

function install(): void {
  if (reaper) return;
  reaper = Reaper.start(join(__dirname, 'processReaperMain'), [String(process.pid)]);
  process.on('exit', removeMine);
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, onSignal);
}

/** Remembers a child until `forgetChild`. `marker` must be part of its command line. */
export function rememberChild(pid: number, marker: string): void {
  install();
  children.set(pid, { pid, marker });
  save();
}

export function forgetChild(pid: number): void {
  if (children.delete(pid)) save();
}

export function rememberMount(path: string): void {
  install();
  mounts.add(path);
  save();
}

export function forgetMount(path: string): void {
  if (mounts.delete(path)) save();
}

export function rememberGroup(path: string): void {
  install();
  groups.add(path);
  save();
}

export function forgetGroup(path: string): void {
  if (groups.delete(path)) save();
}

/** A temporary directory that shall be gone with the runner. */
export function rememberDirectory(path: string): void {
  install();
  directories.add(path);
  save();
}

export function forgetDirectory(path: string): void {
  if (directories.delete(path)) save();
}

/** The registry's own reaper, for tests. */
export function reaperPid(): number | undefined {
  return reaper?.pid;
}

function isChild(value: unknown): value is Child {
  const { pid, marker } = (value ?? {}) as Partial<Child>;
  return typeof pid === 'number' && typeof marker === 'string' && marker.length > 8;
}

/** Undefined for what this program did not write. */
function parse(text: string): Belongings | undefined {
  const value = JSON.parse(text) as Partial<Record<keyof Belongings, unknown>> | null;
  const isTexts = (list: unknown): list is readonly string[] =>
    Array.isArray(list) && list.every((one) => typeof one === 'string' && one.startsWith('/'));
  const lists = [value?.mounts, value?.groups, value?.directories];
  if (!Array.isArray(value?.children) || !value.children.every(isChild)) return undefined;
  return lists.every(isTexts) ? (value as Belongings) : undefined;
}

/** Whether the runner of an id file still lives; a foreign process may have got its number. */
function runnerLives(runnerPid: number): boolean {
  if (runnerPid === process.pid) return true;
  return commandLine(runnerPid)?.includes('node') ?? false;
}

/**
 * Kills and removes what one runner left behind; its id file goes when nothing is left.
 * @returns undefined while the runner lives.
 */
export function sweepRunner(runnerPid: number): Swept | undefined {
  if (runnerLives(runnerPid)) return undefined;
  const file = registryFile(runnerPid);
  let belongings: Belongings | undefined;
  try {
    belongings = parse(readFileSync(file, 'utf8'));
  } catch {
    // A half-written file of a runner that died while writing it names no process for sure.
  }
  const swept = belongings ? removeAll(belongings) : { killed: [], isClear: true };
  if (swept.isClear) rmSync(file, { force: true });
  return swept;
}

/**
 * Kills what dead runners of this user left behind.
 * @returns the ids of the processes that were killed.
 */
export function sweepLeftovers(): readonly number[] {
  let names: string[];
  try {
    names = readdirSync(registryDirectory());
  } catch {
    return [];
  }
  return names.flatMap((name) => {
    const runnerPid = Number(/^(\d+)\.json$/.exec(name)?.[1]);
    return Number.isInteger(runnerPid) ? (sweepRunner(runnerPid)?.killed ?? []) : [];
  });
}
