/**
 * Limits on a process that already runs: a control group of its own, in version 1 or 2.
 *
 * Only what is limited is moved into a group, and only while it is limited; taking the limits
 * back moves the process to where it was. Needs root, as everything that writes there.
 */
import { accessSync, constants, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { TargetError, type MemberLimits } from '../target';
import { forgetGroup, rememberGroup, removeGroup } from './processRegistry';

const root = '/sys/fs/cgroup';
const cpuPeriodUs = 100_000;

type Controller = 'memory' | 'cpu' | 'blkio';

function isVersion2(): boolean {
  return existsSync(join(root, 'cgroup.controllers'));
}

function canWrite(path: string): boolean {
  try {
    accessSync(path, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

/** Why a limit cannot be set here; undefined where it can. */
export function whyNoLimit(controller: Controller): string | undefined {
  const name = isVersion2() && controller === 'blkio' ? 'io' : controller;
  const base = isVersion2() ? root : join(root, controller);
  if (!existsSync(base)) return `this system has no control group for ${name}`;
  if (!canWrite(join(base, 'cgroup.procs'))) return 'limits need the right to write control groups';
  if (!isVersion2()) return undefined;
  const available = readFileSync(join(root, 'cgroup.subtree_control'), 'utf8').split(/\s+/);
  return available.includes(name) ? undefined : `the controller ${name} is not delegated here`;
}

/** The limits of one member. */
export class ProcessLimits {
  /** Groups by controller; in version 2 there is one. */
  private readonly groups = new Map<string, string>();
  private before = new Map<string, string>();

  constructor(private readonly name: string) {}

  /**
   * Sets exactly these limits on a process.
   * @param device the block device that `diskBytesPerSecond` is about, as `major:minor`.
   */
  set(pid: number, limits: MemberLimits, device?: string): void {
    this.clear(pid);
    const { memoryBytes, cpus, diskBytesPerSecond } = limits;
    if (memoryBytes !== undefined) {
      this.write(pid, 'memory', [['memory.limit_in_bytes', 'memory.max', String(memoryBytes)]]);
    }
    if (cpus !== undefined) {
      const quota = Math.max(1_000, Math.round(cpus * cpuPeriodUs));
      this.write(pid, 'cpu', [
        ['cpu.cfs_period_us', undefined, String(cpuPeriodUs)],
        ['cpu.cfs_quota_us', undefined, String(quota)],
        [undefined, 'cpu.max', `${quota} ${cpuPeriodUs}`],
      ]);
    }
    if (diskBytesPerSecond !== undefined) {
      if (device === undefined) throw new TargetError('notCapable', `${this.name} has no own disk`);
      const bytes = Math.round(diskBytesPerSecond);
      this.write(pid, 'blkio', [
        ['blkio.throttle.write_bps_device', undefined, `${device} ${bytes}`],
        [undefined, 'io.max', `${device} wbps=${bytes}`],
      ]);
    }
  }

  /** Moves a living process back to where it was and removes the groups. */
  clear(pid: number | undefined): void {
    for (const [controller, group] of this.groups) {
      const home = this.before.get(controller);
      if (pid !== undefined && home !== undefined) tryWrite(join(home, 'cgroup.procs'), pid);
      removeGroup(group);
      forgetGroup(group);
    }
    this.groups.clear();
    this.before.clear();
  }

  private write(
    pid: number,
    controller: Controller,
    values: readonly (readonly [string | undefined, string | undefined, string])[],
  ): void {
    const why = whyNoLimit(controller);
    if (why !== undefined) throw new TargetError('notCapable', why);
    const version2 = isVersion2();
    const key = version2 ? '' : controller;
    const group = this.groups.get(key) ?? this.makeGroup(pid, key);
    for (const [old, now, value] of values) {
      const file = version2 ? now : old;
      if (file !== undefined) writeFileSync(join(group, file), value);
    }
    writeFileSync(join(group, 'cgroup.procs'), String(pid));
  }

  private makeGroup(pid: number, key: string): string {
    const home = join(root, key, groupOf(pid, key));
    const group = join(root, key, `raft-crucible-${process.pid}-${this.name}`);
    this.before.set(key, home);
    this.groups.set(key, group);
    rememberGroup(group);
    mkdirSync(group, { recursive: true });
    return group;
  }
}

/** The group of a process for a controller (`''` in version 2), below the mount point. */
function groupOf(pid: number, controller: string): string {
  for (const line of readFileSync(`/proc/${pid}/cgroup`, 'utf8').trim().split('\n')) {
    const [, names = '', path = '/'] = /^\d+:([^:]*):(.*)$/.exec(line) ?? [];
    if (names.split(',').includes(controller)) return path;
  }
  return '/';
}

function tryWrite(file: string, pid: number): void {
  try {
    writeFileSync(file, String(pid));
  } catch {
    // It has ended meanwhile.
  }
}
