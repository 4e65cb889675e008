/**
 * Who started a container: written into its labels, so that another run can tell whether the
 * runner still lives or whether its containers are leftovers.
 *
 * A process id alone does not identify a process: it is given out again. So the identity has the
 * machine, its boot and the start time of the process as well. On another machine (or in another
 * container that uses the same engine) nobody can look; then it remains unknown.
 */
import { execFileSync, type StdioOptions } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';

export interface Runner {
  readonly host: string;
  /** Changes with each boot; empty where the system does not tell. */
  readonly boot: string;
  readonly pid: number;
  readonly startedAt: string;
}

function bootId(): string {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  } catch {
    return '';
  }
}

/** When a process started, in whatever unit the system has; undefined when there is none. */
export function processStart(pid: number): string | undefined {
  if (process.platform === 'linux') {
    try {
      const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
      // Field 22; the fields are counted after the command, which may contain spaces.
      const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
      // A zombie is dead; only its parent has not noticed yet.
      return fields[0] === 'Z' ? undefined : fields[19];
    } catch {
      return undefined;
    }
  }
  try {
    const argv = ['-o', 'lstart=', '-p', String(pid)];
    const stdio: StdioOptions = ['ignore', 'pipe', 'ignore'];
    return execFileSync('ps', argv, { encoding: 'utf8', stdio }).trim() || undefined;
  } catch {
    return undefined;
  }
}

export function thisRunner(): Runner {
  const { pid } = process;
  return { host: hostname(), boot: bootId(), pid, startedAt: processStart(pid) ?? '' };
}

export function fateOf(runner: Runner): 'alive' | 'dead' | 'unknown' {
  if (runner.host !== hostname()) return 'unknown';
  if (runner.boot !== bootId()) return 'dead';
  return processStart(runner.pid) === runner.startedAt ? 'alive' : 'dead';
}

export function encodeRunner(runner: Runner): string {
  return JSON.stringify(runner);
}

/** Undefined for a label that this program did not write. */
export function decodeRunner(text: string | undefined): Runner | undefined {
  try {
    const value = JSON.parse(text ?? '') as Partial<Runner> | null;
    const { host, boot, pid, startedAt } = value ?? {};
    if (typeof host !== 'string' || typeof boot !== 'string') return undefined;
    if (typeof pid !== 'number' || typeof startedAt !== 'string') return undefined;
    return { host, boot, pid, startedAt };
  } catch {
    return undefined;
  }
}
