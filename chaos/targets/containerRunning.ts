/**
 * A running cluster of containers: what faults act on and probes ask.
 *
 * Invariant: after disposal no container, network, connection or log descriptor of it is left,
 * whatever state the members were in.
 */
import type { MemberContainer } from '../containers/memberContainer';
import type { Pod } from '../containers/pod';
import { MemberProbe } from '../memberProbe';
import {
  TargetError,
  type Capability,
  type ClusterDescription,
  type Member,
  type MemberStatus,
  type RunningCluster,
  type UnexpectedExit,
} from '../target';
import { leaderAmong } from './leader';
import { fileTail } from './memberProcess';

/** A member with its place: address, log, network and container. */
export interface PlacedContainer {
  readonly name: string;
  readonly clientUrl: string;
  readonly logFile: string;
  readonly pod: Pod;
  readonly container: MemberContainer;
}

export interface RunningContainerClusterParts {
  readonly description: ClusterDescription;
  readonly capabilities: ReadonlySet<Capability>;
  readonly members: readonly PlacedContainer[];
  /** Removes containers, network and the files that shall not stay. */
  readonly cleanUp: () => Promise<void>;
}

const logTailBytes = 2_048;

export class RunningContainerCluster implements RunningCluster {
  readonly description: ClusterDescription;
  readonly capabilities: ReadonlySet<Capability>;
  private readonly probes: ReadonlyMap<string, MemberProbe>;
  private disposal: Promise<void> | undefined;

  constructor(private readonly parts: RunningContainerClusterParts) {
    this.description = parts.description;
    this.capabilities = parts.capabilities;
    this.probes = new Map(
      parts.members.map(({ name, clientUrl }) => [name, new MemberProbe(clientUrl)]),
    );
  }

  members(): readonly Member[] {
    return this.parts.members.map(({ name, clientUrl, container }) => {
      return { name, clientUrl, pid: container.pid, state: container.state };
    });
  }

  unexpectedExits(): readonly UnexpectedExit[] {
    return this.parts.members.flatMap(({ container }) => container.unexpectedExits);
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

  async kill(name: string): Promise<void> {
    await this.placed(name).container.kill();
  }

  async stop(name: string): Promise<void> {
    await this.placed(name).container.stop();
  }

  async start(name: string): Promise<void> {
    await this.placed(name).container.start();
  }

  async pause(name: string): Promise<void> {
    await this.placed(name).container.pause();
  }

  async resume(name: string): Promise<void> {
    await this.placed(name).container.resume();
  }

  async cut(from: string, to: string): Promise<void> {
    const sender = this.placed(from).pod;
    const receiver = this.placed(to).pod;
    this.assertCanCut();
    if (receiver.cutter!.at === 'receiver') await receiver.cut(sender.address);
    else await sender.cut(receiver.address);
  }

  async mendAll(): Promise<void> {
    this.assertCanCut();
    await Promise.all(this.parts.members.map(({ pod }) => pod.mend()));
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.disposal ??= this.dispose();
    return this.disposal;
  }

  /** Creates and starts every container; the first failure is reported when all are done. */
  async startAll(): Promise<void> {
    const starts = this.parts.members.map(({ container }) => container.start());
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
      .map(({ name, logFile, container }) => {
        const tail = fileTail(logFile, logTailBytes).trimEnd();
        return `--- ${name} (${container.state}), end of ${logFile}:\n${tail || '(nothing)'}`;
      })
      .join('\n');
  }

  /** Ends everything of the runner's own: probes, shells, logs. */
  close(): void {
    for (const probe of this.probes.values()) probe.close();
    for (const { container, pod } of this.parts.members) {
      container.close();
      pod.close();
    }
  }

  private async dispose(): Promise<void> {
    this.close();
    await this.parts.cleanUp();
  }

  private placed(name: string): PlacedContainer {
    const member = this.parts.members.find((candidate) => candidate.name === name);
    if (!member) throw noSuchMember(name);
    return member;
  }

  private assertCanCut(): void {
    if (this.capabilities.has('partition')) return;
    throw new TargetError('notCapable', `${this.description.how} cannot have their links cut here`);
  }
}

function noSuchMember(name: string): TargetError {
  return new TargetError('noSuchMember', `there is no member called ${name}`);
}
