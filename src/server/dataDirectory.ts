/**
 * The data directory of a real member: whose it is, and that nobody else is using it.
 *
 * Layout: `member/identity.json`, `member/lock`, `member/wal/`, `member/snap/`, `member/state/`.
 * As in etcd, what the directory says of its member wins over the flags that describe a cluster's
 * beginning; but it refuses another name and another cluster token, and a member that was removed.
 * The lock names
 * a process by pid *and* start time, so that a pid used again by somebody else, or by the next
 * incarnation in a container, does not count as alive.
 */
import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { makeDirectories } from '../runtime/makeDirectories';
import { ConfigError } from './clusterConfig';

export interface DataDirectory {
  readonly wal: string;
  readonly snapshots: string;
  readonly state: string;
  /** Undefined while nobody has lived here. */
  readonly identity: Identity | undefined;
  /** Whole or not at all: a kill in between must not leave a member that can't start. */
  writeIdentity(identity: Identity): void;
  release(): void;
}

export interface Identity {
  readonly clusterId: number;
  readonly memberId: number;
  readonly name: string;
  readonly token: string;
  /** It joined a cluster that ran; else it is one of the initial members. */
  readonly joined: boolean;
  /** It was removed from its cluster, for good. */
  readonly removed: boolean;
}

const FORMAT = 2;

/** Who is about to live in a data directory. */
export interface Resident {
  readonly name: string;
  readonly token: string;
}

/** The member was removed from its cluster and can't come back. */
export class RemovedMemberError extends Error {
  constructor(path: string) {
    super(
      'this member was removed from its cluster, and a removed member cannot come back: to join ' +
        `again, delete its data directory (${path}) and add it as a new member`,
    );
    this.name = 'RemovedMemberError';
  }
}

/** Opens or creates; throws ConfigError when it is another member's or in use. */
export function openDataDirectory(path: string, resident: Resident): DataDirectory {
  const member = join(path, 'member');
  try {
    makeDirectories(member, 0o700);
  } catch (error) {
    throw new ConfigError(`--data-dir ${path}: ${(error as Error).message}`);
  }
  const lock = join(member, 'lock');
  takeLock(lock);
  const file = join(member, 'identity.json');
  let identity: Identity | undefined;
  try {
    identity = readIdentity(file, resident);
    if (identity?.removed === true) throw new RemovedMemberError(path);
  } catch (error) {
    rmSync(lock, { force: true });
    throw error;
  }
  return {
    wal: join(member, 'wal'),
    snapshots: join(member, 'snap'),
    state: join(member, 'state'),
    identity,
    writeIdentity: (fresh) => writeIdentity(file, fresh),
    release: () => rmSync(lock, { force: true }),
  };
}

function writeIdentity(path: string, identity: Identity): void {
  const temporary = `${path}.new`;
  const text = JSON.stringify({ format: FORMAT, ...identity }, null, 2);
  writeFileSync(temporary, `${text}\n`, { flush: true });
  renameSync(temporary, path);
}

function readIdentity(path: string, resident: Resident): Identity | undefined {
  const text = readIfThere(path);
  if (text === undefined) return undefined;
  let found: Partial<Identity & { readonly format: number }>;
  try {
    found = JSON.parse(text) as typeof found;
  } catch {
    throw new ConfigError(`${path} is damaged: it is not JSON`);
  }
  if (found.format !== FORMAT) {
    throw new ConfigError(`${path} has format ${found.format}; this program reads ${FORMAT}`);
  }
  for (const field of ['name', 'token'] as const) {
    if (found[field] !== resident[field]) {
      throw new ConfigError(
        `${path} belongs to another member: its ${field} is ${found[field]}, ` +
          `this configuration gives ${resident[field]}`,
      );
    }
  }
  return found as Identity;
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
