/**
 * A running cluster of child processes: what faults act on and probes ask.
 *
 * Invariant: after disposal no process, no proxy, no connection and no data directory of it is
 * left, whatever state the members were in.
 */
import {
  TargetError,
  type Capability,
  type ClusterDescription,
  type Member,
  type MemberStatus,
  type RunningCluster,
  type UnexpectedExit,
} from '../target';
import { MemberProbe } from '../memberProbe';
import { leaderAmong } from './leader';
import type { LinkProxies } from './linkProxies';
import { fileTail, type MemberProcess } from './memberProcess';

/** A member with its place: addresses, files and process. */
export interface PlacedMember {
  readonly name: string;
  readonly clientUrl: string;
  readonly logFile: string;
  readonly process: MemberProcess;
}

export interface RunningProcessClusterParts {
  readonly description: ClusterDescription;
  readonly capabilities: ReadonlySet<Capability>;
  readonly members: readonly PlacedMember[];
  readonly proxies: LinkProxies | undefined;
  /** Removes the files that shall not stay. */
  readonly cleanUp: () => Promise<void>;
}

const addressInUse = /address already in use|EADDRINUSE/;
const logTailBytes = 2_048;

export class RunningProcessCluster implements RunningCluster {
  readonly description: ClusterDescription;
  readonly capabilities: ReadonlySet<Capability>;
  private readonly probes = new Map<string, MemberProbe>();
  private isDisposed = false;

  constructor(private readonly parts: RunningProcessClusterParts) {
    this.description = parts.description;
    this.capabilities = parts.capabilities;
    for (const { name, clientUrl } of parts.members) {
      this.probes.set(name, new MemberProbe(clientUrl));
    }
  }

  members(): readonly Member[] {
    return this.parts.members.map(({ name, clientUrl, process }) => {
      return { name, clientUrl, pid: process.pid, state: process.state };
    });
  }

  unexpectedExits(): readonly UnexpectedExit[] {
    return this.parts.members.flatMap(({ process }) => process.unexpectedExits);
  }

  status(name: string, timeoutMs?: number): Promise<MemberStatus> {
    const probe = this.probes.get(name);
    if (!probe) return Promise.reject(noSuchMember(name));
    return probe.status(timeoutMs);
  }

  leader(timeoutMs?: number): Promise<string | undefined> {
    return leaderAmong(this, timeoutMs);
  }

  log(name: string): string {
    return this.placed(name).logFile;
  }

  async kill(name: string): Promise<void> {
    await this.placed(name).process.kill();
  }

  async stop(name: string): Promise<void> {
    await this.placed(name).process.stop();
  }

  async start(name: string): Promise<void> {
    await this.placed(name).process.start();
  }

  async pause(name: string): Promise<void> {
    await this.placed(name).process.pause();
  }

  async resume(name: string): Promise<void> {
    await this.placed(name).process.resume();
  }

  cut(from: string, to: string): Promise<void> {
    this.placed(from);
    this.placed(to);
    this.linkProxies().cut(from, to);
    return Promise.resolve();
  }

  mendAll(): Promise<void> {
    this.linkProxies().mendAll();
    return Promise.resolve();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.isDisposed) return;
    this.isDisposed = true;
    for (const probe of this.probes.values()) probe.close();
    await Promise.all(
      this.parts.members.map(async ({ process }) => {
        if (process.state !== 'down') await process.kill();
      }),
    );
    this.parts.proxies?.close();
    await this.parts.cleanUp();
  }

  /** Starts every process; the first that cannot be run ends the attempt. */
  async startAll(): Promise<void> {
    for (const { process } of this.parts.members) await process.start();
  }

  /** Throws when a member ended by itself: waiting on for it would be waiting in vain. */
  assertNoneEnded(): void {
    const exit = this.unexpectedExits()[0];
    if (!exit) return;
    const how = exit.signal === null ? `exit code ${exit.exitCode}` : exit.signal;
    throw new TargetError('notReady', `${exit.member} ended while starting (${how})`);
  }

  /** Whether a member ended because another process had taken its port. */
  lostRaceForPort(): boolean {
    return this.unexpectedExits().some(({ logTail }) => addressInUse.test(logTail));
  }

  /** The last lines of every log, for an error text. */
  describeForError(): string {
    return this.parts.members
      .map(({ name, logFile, process }) => {
        const tail = fileTail(logFile, logTailBytes).trimEnd();
        return `--- ${name} (${process.state}), end of ${logFile}:\n${tail || '(nothing)'}`;
      })
      .join('\n');
  }

  private placed(name: string): PlacedMember {
    const member = this.parts.members.find((candidate) => candidate.name === name);
    if (!member) throw noSuchMember(name);
    return member;
  }

  private linkProxies(): LinkProxies {
    if (this.parts.proxies) return this.parts.proxies;
    throw new TargetError('notCapable', `${this.description.target} cannot cut links`);
  }
}

function noSuchMember(name: string): TargetError {
  return new TargetError('noSuchMember', `there is no member called ${name}`);
}
