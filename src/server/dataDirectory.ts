/**
 * The data directory of a real member: whose it is, and that nobody else is using it.
 *
 * Layout: `member/identity.json`, `member/lock`, `member/wal/`, `member/snap/`,
 * `member/state/`. The lock names
 * a process by pid *and* start time, so that a pid used again by somebody else, or by the next
 * incarnation in a container, does not count as alive.
 */
import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { makeDirectories } from '../runtime/makeDirectories';
import { ConfigError, type ClusterConfig } from './clusterConfig';

export interface DataDirectory {
  readonly wal: string;
  readonly snapshots: string;
  readonly state: string;
  release(): void;
}

interface Identity {
  readonly format: 1;
  readonly clusterId: number;
  readonly memberId: number;
  readonly name: string;
}

/** Opens or creates; throws ConfigError when it is another member's or in use. */
export function openDataDirectory(path: string, config: ClusterConfig): DataDirectory {
  const member = join(path, 'member');
  try {
    makeDirectories(member, 0o700);
  } catch (error) {
    throw new ConfigError(`--data-dir ${path}: ${(error as Error).message}`);
  }
  const lock = join(member, 'lock');
  takeLock(lock);
  try {
    checkIdentity(join(member, 'identity.json'), config);
  } catch (error) {
    rmSync(lock, { force: true });
    throw error;
  }
  return {
    wal: join(member, 'wal'),
    snapshots: join(member, 'snap'),
    state: join(member, 'state'),
    release: () => rmSync(lock, { force: true }),
  };
}

function checkIdentity(path: string, config: ClusterConfig): void {
  const wanted: Identity = {
    format: 1,
    clusterId: config.clusterId,
    memberId: config.self.id,
    name: config.self.name,
  };
  const text = readIfThere(path);
  if (text === undefined) {
    // Whole or not there: a kill in between must not leave a member that can't start.
    const temporary = `${path}.new`;
    writeFileSync(temporary, `${JSON.stringify(wanted, null, 2)}\n`, { flush: true });
    renameSync(temporary, path);
    return;
  }
  let found: Partial<Identity>;
  try {
    found = JSON.parse(text) as Partial<Identity>;
  } catch {
    throw new ConfigError(`${path} is damaged: it is not JSON`);
  }
  for (const field of ['format', 'clusterId', 'memberId'] as const) {
    if (found[field] !== wanted[field]) {
      throw new ConfigError(
        `${path} belongs to another member: its ${field} is ${found[field]}, ` +
          `this configuration gives ${wanted[field]} (name, token and peer URLs must not change)`,
      );
    }
  }
}

function takeLock(path: string): void {
  const mine = `${process.pid} ${startTime(process.pid) ?? ''}`;
  try {
    writeFileSync(path, mine, { flag: 'wx' });
    return;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') {
      throw new ConfigError(`cannot write ${path}: ${(error as Error).message}`);
    }
  }
  const [pidText, started] = (readIfThere(path) ?? '').split(' ');
  const pid = Number(pidText);
  if (Number.isInteger(pid) && pid > 0 && pid !== process.pid && isAlive(pid, started)) {
    throw new ConfigError(`the data directory is in use by process ${pid} (${path})`);
  }
  writeFileSync(path, mine);
}

function isAlive(pid: number, started: string | undefined): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
  const now = startTime(pid);
  return now === undefined || started === undefined || started === '' || now === started;
}

/** Field 22 of /proc/PID/stat; undefined where there is no such file. */
function startTime(pid: number): string | undefined {
  const stat = readIfThere(`/proc/${pid}/stat`);
  return stat?.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
}

function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}
