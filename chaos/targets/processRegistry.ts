/**
 * Keeps member processes from outliving the runner.
 *
 * Three nets, each for what the one before misses: an orderly end disposes of the cluster; a
 * throw, `process.exit` or a deadly signal runs the exit handlers here; and for a runner that was
 * killed outright there is a file with the ids of its children, which the next start on this
 * machine sweeps. A process id may by then belong to somebody else, so a process is killed only
 * when its command line still contains the marker it was started with (its data directory).
 */
import { mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { execFileSync } from 'node:child_process';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';

interface Child {
  readonly pid: number;
  /** A string that only this child's command line contains. */
  readonly marker: string;
}

const children = new Map<number, Child>();
let installed = false;

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
  if (children.size === 0) {
    rmSync(file, { force: true });
    return;
  }
  mkdirSync(registryDirectory(), { recursive: true, mode: 0o700 });
  writeFileSync(file, JSON.stringify([...children.values()]), { mode: 0o600 });
}

function killAll(): void {
  for (const child of children.values()) killChild(child);
  children.clear();
  save();
}

/**
 * On a deadly signal: when somebody else listens too (the command line aborts the run and writes
 * its report), they decide how to end, and the exit handler does the rest. Otherwise the children
 * die and the signal gets its usual effect.
 */
function onSignal(signal: NodeJS.Signals): void {
  if (process.listenerCount(signal) > 1) return;
  killAll();
  process.removeListener(signal, onSignal);
  process.kill(process.pid, signal);
}

function install(): void {
  if (installed) return;
  installed = true;
  process.on('exit', killAll);
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

function isChildren(value: unknown): value is readonly Child[] {
  return (
    Array.isArray(value) &&
    value.every(
      (child: unknown) =>
        typeof child === 'object' &&
        child !== null &&
        typeof (child as Child).pid === 'number' &&
        typeof (child as Child).marker === 'string' &&
        (child as Child).marker.length > 8,
    )
  );
}

/** Whether the runner of an id file still lives; a foreign process may have got its number. */
function runnerLives(runnerPid: number): boolean {
  if (runnerPid === process.pid) return true;
  return commandLine(runnerPid)?.includes('node') ?? false;
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
  const killed: number[] = [];
  for (const name of names) {
    const runnerPid = Number(/^(\d+)\.json$/.exec(name)?.[1]);
    if (!Number.isInteger(runnerPid) || runnerLives(runnerPid)) continue;
    const file = registryFile(runnerPid);
    try {
      const left: unknown = JSON.parse(readFileSync(file, 'utf8'));
      if (isChildren(left)) {
        for (const child of left) if (killChild(child)) killed.push(child.pid);
      }
    } catch {
      // A half-written file of a runner that died while writing it names no process for sure.
    }
    rmSync(file, { force: true });
  }
  return killed;
}
