/**
 * A running cluster of child processes: what faults act on and probes ask.
 *
 * Invariant: after disposal no process, no proxy, no connection, no mount, no control group and no
 * data directory of it is left, whatever state the members were in.
 */
import { rm, stat, writeFile } from 'node:fs/promises';

import type { LinkShape, MemberLimits } from '../target';
import type { LinkProxies } from './linkProxies';
import { ProcessLimits } from './limits';
import type { LoopDisk } from './loopDisk';
import type { MemberProcess } from './memberProcess';
import { RunningMembers, type PlacedMember, type RunningParts } from './runningMembers';

export interface PlacedProcess extends PlacedMember<MemberProcess> {
  readonly disk: LoopDisk | undefined;
  readonly dataDirectory: string;
  /** Its flags when it joins a running cluster. */
  readonly joinArgv: (initialCluster: string) => readonly string[];
  /** The file that moves its clock, where it has a false one. */
  readonly clockFile: string | undefined;
}

export interface ProcessClusterParts extends RunningParts<PlacedProcess> {
  readonly proxies: LinkProxies | undefined;
}

const addressInUse = /address already in use|EADDRINUSE/;
const needsNetem = 'packets to lose, double or reorder: a TCP proxy sees none';

export class RunningProcessCluster extends RunningMembers<MemberProcess, PlacedProcess> {
  private readonly limits = new Map<string, ProcessLimits>();
  private readonly proxies: LinkProxies | undefined;

  constructor(parts: ProcessClusterParts) {
    super(parts);
    this.proxies = parts.proxies;
  }

  cut(from: string, to: string): Promise<void> {
    this.placed(from);
    this.placed(to);
    this.linkProxies().cut(from, to);
    return Promise.resolve();
  }

  shape(from: string, to: string, shape: LinkShape): Promise<void> {
    this.placed(from);
    this.placed(to);
    const { loss = 0, duplicate = 0, reorder = 0 } = shape;
    if (loss + duplicate + reorder > 0) return Promise.reject(this.notCapable(needsNetem));
    this.linkProxies().shape(from, to, shape);
    return Promise.resolve();
  }

  breakConnections(name: string): Promise<void> {
    this.placed(name);
    this.linkProxies().breakConnections(name);
    return Promise.resolve();
  }

  mendAll(): Promise<void> {
    this.linkProxies().mendAll();
    return Promise.resolve();
  }

  async limit(name: string, limits: MemberLimits): Promise<void> {
    const { unit, disk } = this.placed(name);
    const known = this.limits.get(name) ?? new ProcessLimits(name);
    this.limits.set(name, known);
    if (unit.pid === undefined || Object.keys(limits).length === 0) {
      known.clear(unit.pid);
      return;
    }
    known.set(unit.pid, limits, disk && (await deviceOf(disk.path)));
  }

  async setClock(name: string, offsetMs: number): Promise<void> {
    const { clockFile } = this.placed(name);
    if (clockFile === undefined) throw this.notCapable('clock that could be moved');
    await writeFile(clockFile, clockOffset(offsetMs));
  }

  async wipe(name: string): Promise<void> {
    const { dataDirectory } = this.placed(name);
    await rm(dataDirectory, { recursive: true, force: true });
  }

  async startAnew(name: string, initialCluster: string): Promise<void> {
    const { unit, joinArgv } = this.placed(name);
    unit.setArgv(joinArgv(initialCluster));
    await unit.start();
  }

  /** Whether a member ended because another process had taken its port. */
  lostRaceForPort(): boolean {
    return this.unexpectedExits().some(({ logTail }) => addressInUse.test(logTail));
  }

  protected async endAll(): Promise<void> {
    await Promise.all(
      this.parts.members.map(async ({ unit, disk, name }) => {
        await disk?.thaw();
        if (unit.state !== 'down') await unit.kill();
        this.limits.get(name)?.clear(undefined);
        await disk?.remove();
      }),
    );
    this.proxies?.close();
  }

  private linkProxies(): LinkProxies {
    if (this.proxies) return this.proxies;
    throw this.notCapable('links that could be cut');
  }
}

/** What libfaketime reads: an offset in seconds, with its sign. */
export function clockOffset(offsetMs: number): string {
  return `${offsetMs < 0 ? '-' : '+'}${(Math.abs(offsetMs) / 1_000).toFixed(3)}\n`;
}

/** The block device that a path lies on, as `major:minor`. */
async function deviceOf(path: string): Promise<string> {
  const { dev } = await stat(path);
  return `${(dev >> 8) & 0xfff}:${(dev & 0xff) | ((dev >> 12) & 0xfff00)}`;
}
