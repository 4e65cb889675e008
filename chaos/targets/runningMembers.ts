/**
 * What running clusters have in common, whatever their members run in: members by name, their
 * states, probes, logs. How links are cut and what is cleaned up is left to each kind.
 *
 * Invariant: disposal happens once, whoever asks for it how often.
 */
import { MemberProbe } from '../memberProbe';
import {
  TargetError,
  type Capability,
  type ClusterDescription,
  type LinkShape,
  type Member,
  type MemberDisk,
  type MemberLimits,
  type MemberState,
  type MemberStatus,
  type RunningCluster,
  type UnexpectedExit,
} from '../target';
import { leaderAmong } from './leader';
import { fileTail } from './memberProcess';

/** One member, be it a process or a container. */
export interface MemberUnit {
  readonly state: MemberState;
  readonly pid: number | undefined;
  readonly unexpectedExits: readonly UnexpectedExit[];
  start(): Promise<void>;
  kill(): Promise<void>;
  stop(): Promise<void>;
  pause(): Promise<void>;
  resume(): Promise<void>;
  /** Its end, if it comes, is no surprise; until the next start. */
  allowExit(): void;
}

/** A member with its place: addresses, files and what it runs in. */
export interface PlacedMember<Unit extends MemberUnit> {
  readonly name: string;
  readonly clientUrl: string;
  readonly peerUrl: string;
  readonly logFile: string;
  readonly unit: Unit;
  /** Where it may have one of its own. */
  readonly disk?: MemberDisk | undefined;
}

export interface RunningParts<Placed> {
  readonly description: ClusterDescription;
  readonly capabilities: ReadonlySet<Capability>;
  readonly members: readonly Placed[];
  /** Removes what shall not stay when all members have ended. */
  readonly cleanUp: () => Promise<void>;
}

const logTailBytes = 2_048;

export abstract class RunningMembers<
  Unit extends MemberUnit,
  Placed extends PlacedMember<Unit>,
> implements RunningCluster {
  readonly description: ClusterDescription;
  readonly capabilities: ReadonlySet<Capability>;
  private readonly probes: ReadonlyMap<string, MemberProbe>;
  private disposal: Promise<void> | undefined;

  constructor(protected readonly parts: RunningParts<Placed>) {
    this.description = parts.description;
    this.capabilities = parts.capabilities;
    this.probes = new Map(
      parts.members.map(({ name, clientUrl }) => [name, new MemberProbe(clientUrl)]),
    );
  }

  abstract cut(from: string, to: string): Promise<void>;
  abstract shape(from: string, to: string, shape: LinkShape): Promise<void>;
  abstract breakConnections(name: string): Promise<void>;
  abstract mendAll(): Promise<void>;
  abstract limit(name: string, limits: MemberLimits): Promise<void>;
  abstract setClock(name: string, offsetMs: number): Promise<void>;
  abstract wipe(name: string): Promise<void>;
  abstract startAnew(name: string, initialCluster: string): Promise<void>;
  /** Ends all members and what the runner holds of them. */
  protected abstract endAll(): Promise<void>;

  members(): readonly Member[] {
    return this.parts.members.map(({ name, clientUrl, unit }) => {
      return { name, clientUrl, pid: unit.pid, state: unit.state };
    });
  }

  unexpectedExits(): readonly UnexpectedExit[] {
    return this.parts.members.flatMap(({ unit }) => unit.unexpectedExits);
  }

  status(name: string, timeoutMs?: number): Promise<MemberStatus> {
    const probe = this.probes.get(name);
    return probe ? probe.status(timeoutMs) : Promise.reject(noSuchMember(name));
  }

  leader(timeoutMs?: number): Promise<string | undefined> {
    return leaderAmong(this, timeoutMs);
  }

  log(name: string): string {
    return this.placed(name).logFile;
  }

  peerUrl(name: string): string {
    return this.placed(name).peerUrl;
  }

  async kill(name: string): Promise<void> {
    await this.placed(name).unit.kill();
  }

  async stop(name: string): Promise<void> {
    await this.placed(name).unit.stop();
  }

  async start(name: string): Promise<void> {
    await this.placed(name).unit.start();
  }

  async pause(name: string): Promise<void> {
    await this.placed(name).unit.pause();
  }

  async resume(name: string): Promise<void> {
    await this.placed(name).unit.resume();
  }

  disk(name: string): MemberDisk {
    const { disk } = this.placed(name);
    if (!disk) throw this.notCapable('members with a disk of their own');
    return disk;
  }

  allowExit(name: string): void {
    this.placed(name).unit.allowExit();
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.disposal ??= this.dispose();
    return this.disposal;
  }

  /** Starts every member; the first failure is reported when all attempts are over. */
  async startAll(): Promise<void> {
    const starts = this.parts.members.map(({ unit }) => unit.start());
    for (const outcome of await Promise.allSettled(starts)) {
      if (outcome.status === 'rejected') throw outcome.reason;
    }
  }

  /** Throws when a member ended by itself: waiting on for it would be waiting in vain. */
  assertNoneEnded(): void {
    const exit = this.unexpectedExits()[0];
    if (!exit) return;
    const how = exit.signal === null ? `exit code ${exit.exitCode}` : exit.signal;
    throw new TargetError('notReady', `${exit.member} ended while starting (${how})`);
  }

  /** The last lines of every log, for an error text. */
  describeForError(): string {
    return this.parts.members
      .map(({ name, logFile, unit }) => {
        const tail = fileTail(logFile, logTailBytes).trimEnd();
        return `--- ${name} (${unit.state}), end of ${logFile}:\n${tail || '(nothing)'}`;
      })
      .join('\n');
  }

  protected placed(name: string): Placed {
    const member = this.parts.members.find((candidate) => candidate.name === name);
    if (!member) throw noSuchMember(name);
    return member;
  }

  protected notCapable(of: string): TargetError {
    const { target, how } = this.description;
    return new TargetError('notCapable', `${target} (${how}) has no ${of} here`);
  }

  protected closeProbes(): void {
    for (const probe of this.probes.values()) probe.close();
  }

  private async dispose(): Promise<void> {
    this.closeProbes();
    await this.endAll();
    await this.parts.cleanUp();
  }
}

export function noSuchMember(name: string): TargetError {
  return new TargetError('noSuchMember', `there is no member called ${name}`);
}
