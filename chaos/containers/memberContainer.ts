/**
 * One member as a container: started, killed, stopped, paused and resumed.
 *
 * As with processes, each operation returns when its effect can be observed. What the member
 * prints is read from before its start on, so that nothing is lost and nothing comes twice, and
 * goes to a file that outlives the container.
 */
import { closeSync, openSync, readFileSync, writeSync } from 'node:fs';
import { constants } from 'node:os';
import type { Readable } from 'node:stream';

import { fileTail } from '../targets/memberProcess';
import type { MemberUnit } from '../targets/runningMembers';
import { TargetError, type MemberState, type UnexpectedExit } from '../target';
import { waitFor } from '../wait';
import { imageMissing, NoWait, type Pod } from './pod';
import { statusOf, type ContainerRuntime, type EngineContainer } from './runtime';
import { within } from './within';

export interface MemberContainerOptions {
  readonly name: string;
  readonly image: string;
  /** What follows the image's entry point. */
  readonly command: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  readonly labels: Readonly<Record<string, string>>;
  readonly pod: Pod;
  /** Memory of the container in bytes; the engine kills what takes more. Default no limit. */
  readonly memoryBytesMax?: number | undefined;
  /** Where standard output and standard error go, appended. */
  readonly logFile: string;
  /** How long an orderly stop may take before the container is killed. Default 10 000 ms. */
  readonly stopLimitMs?: number;
}

const stopLimitMsDefault = 10_000;
/** For one call of the engine; creating a container can take seconds on a busy machine. */
const callLimitMs = 60_000;
const logTailBytes = 4_096;

export class MemberContainer implements MemberUnit {
  private container: EngineContainer | undefined;
  private current: MemberState = 'down';
  private hostPid: number | undefined;
  private exitIsExpected = false;
  private isClosed = false;
  private readonly log: number;
  private readonly exits: UnexpectedExit[] = [];
  private command: readonly string[];

  constructor(
    private readonly runtime: ContainerRuntime,
    private readonly options: MemberContainerOptions,
  ) {
    this.log = openSync(options.logFile, 'a');
    this.command = options.command;
  }

  get state(): MemberState {
    return this.current;
  }

  /** The process as this machine sees it; undefined when the engine is on another one. */
  get pid(): number | undefined {
    return this.hostPid;
  }

  allowExit(): void {
    this.exitIsExpected = true;
  }

  get unexpectedExits(): readonly UnexpectedExit[] {
    return this.exits;
  }

  /** Creates the container or starts it again; resolves once it runs. */
  async start(): Promise<void> {
    this.expect('start', 'down');
    this.exitIsExpected = false;
    const { container } = this;
    const started = container ? this.startAgain(container) : this.create();
    await within(callLimitMs, `${this.options.name} to start`, started);
    this.current = 'running';
    this.watch(this.container!);
    const { Id, State } = await this.container!.inspect();
    if (this.state === 'running') this.hostPid = isProcessOf(State.Pid, Id) ? State.Pid : undefined;
  }

  /** SIGKILL; resolves when the container has ended. */
  async kill(): Promise<void> {
    this.expect('kill', 'running', 'paused');
    this.exitIsExpected = true;
    const wasPaused = this.current === 'paused';
    await this.call('kill', (container) => container.kill({ signal: 'SIGKILL' }));
    // A frozen process gets the signal, but does not die before it thaws.
    if (wasPaused) await this.thaw();
    await this.untilDown('kill', callLimitMs);
  }

  /** SIGTERM, and SIGKILL when the limit has passed. */
  async stop(): Promise<void> {
    this.expect('stop', 'running', 'paused');
    this.exitIsExpected = true;
    if (this.current === 'paused') await this.thaw();
    const limitMs = this.options.stopLimitMs ?? stopLimitMsDefault;
    const t = Math.ceil(limitMs / 1_000);
    await this.call('stop', (container) => container.stop({ t }));
    await this.untilDown('stop', limitMs + callLimitMs);
  }

  /** Freezes all processes of the container; resolves once they stand still. */
  async pause(): Promise<void> {
    this.expect('pause', 'running');
    await this.call('pause', (container) => container.pause());
    this.current = 'paused';
  }

  async resume(): Promise<void> {
    this.expect('resume', 'paused');
    await this.call('resume', (container) => container.unpause());
    this.current = 'running';
  }

  /** Limits its share of a processor; without a number takes the limit back. */
  async limitCpus(cpus: number | undefined): Promise<void> {
    if (this.current === 'down') return;
    const CpuPeriod = 100_000;
    const CpuQuota = cpus === undefined ? -1 : Math.max(1_000, Math.round(cpus * CpuPeriod));
    await this.call('limit', (container) => container.update({ CpuPeriod, CpuQuota }));
  }

  /** Removes the container, which is down, with all that it wrote; `start` makes a new one. */
  async discard(): Promise<void> {
    this.expect('discard', 'down');
    const { container } = this;
    this.container = undefined;
    if (!container) return;
    const removed = container.remove({ force: true, v: true });
    await within(callLimitMs, `${this.options.name} to be removed`, removed);
  }

  /** For containers that are made from now on. */
  setCommand(command: readonly string[]): void {
    this.command = command;
  }

  /** The last bytes of the log; empty when nothing was printed. */
  logTail(): string {
    return fileTail(this.options.logFile, logTailBytes);
  }

  /** Stops writing the log; ends of the container are no longer unexpected. */
  close(): void {
    if (this.isClosed) return;
    this.isClosed = true;
    this.exitIsExpected = true;
    closeSync(this.log);
  }

  private async create(): Promise<void> {
    const { GenericContainer } = this.runtime.library;
    const { image, environment, labels, pod, memoryBytesMax } = this.options;
    const beforeStart = async (id: string): Promise<void> => {
      this.container = this.runtime.engine.getContainer(id);
      await this.attach(this.container);
    };
    class Watched extends GenericContainer {
      protected override beforeContainerCreated(): Promise<void> {
        if (memoryBytesMax !== undefined) {
          // The same for memory and swap together: no swap.
          this.hostConfig.Memory = memoryBytesMax;
          this.hostConfig.MemorySwap = memoryBytesMax;
        }
        return Promise.resolve();
      }

      protected override containerCreated(id: string): Promise<void> {
        return beforeStart(id);
      }
    }
    const member = new Watched(image)
      .withAutoCleanup(false)
      .withLabels(labels)
      .withNetworkMode(`container:${pod.container.id}`)
      .withEnvironment(environment)
      .withCommand([...this.command])
      .withWaitStrategy(new NoWait());
    try {
      await member.start();
    } catch (error) {
      if (!this.container && statusOf(error) === 404) {
        throw imageMissing(image, (error as Error).message);
      }
      throw error;
    }
  }

  private async startAgain(container: EngineContainer): Promise<void> {
    await this.attach(container);
    await container.start();
  }

  private async attach(container: EngineContainer): Promise<void> {
    const output: Readable = await this.runtime.client.container.attach(container);
    output.on('error', () => undefined);
    output.on('data', (chunk: Buffer | string) => {
      if (this.isClosed) return;
      writeSync(this.log, typeof chunk === 'string' ? Buffer.from(chunk) : chunk);
    });
  }

  /** Waits for the end of this run of the container, however it comes. */
  private watch(container: EngineContainer): void {
    const ended = container.wait({ condition: 'not-running' }) as Promise<{ StatusCode: number }>;
    ended.then(
      ({ StatusCode }) => this.onExit(StatusCode),
      // The container was removed, or the engine went away: somebody else reports that.
      () => this.onExit(undefined),
    );
  }

  private onExit(status: number | undefined): void {
    this.current = 'down';
    this.hostPid = undefined;
    if (this.exitIsExpected) return;
    const signal = signalOf(status);
    this.exits.push({
      member: this.options.name,
      exitCode: signal === null ? (status ?? null) : null,
      signal,
      logTail: this.logTail(),
    });
  }

  private expect(doing: string, ...states: readonly MemberState[]): void {
    if (states.includes(this.current)) return;
    throw new TargetError('wrongState', `cannot ${doing} ${this.options.name}: ${this.current}`);
  }

  private async call(
    doing: string,
    work: (container: EngineContainer) => Promise<unknown>,
  ): Promise<void> {
    const { name } = this.options;
    await within(callLimitMs, `the engine to ${doing} ${name}`, work(this.container!));
  }

  /** Unpauses unless the engine has done so by itself, as some versions do on a kill. */
  private async thaw(): Promise<void> {
    try {
      await this.call('resume', (container) => container.unpause());
    } catch (error) {
      if (statusOf(error) === undefined) throw error;
    }
  }

  private async untilDown(doing: string, limitMs: number): Promise<void> {
    await waitFor(() => (this.state === 'down' ? true : undefined), {
      what: `${this.options.name} to be gone after ${doing}`,
      limitMs,
      intervalMs: 2,
    });
  }
}

/** Shells and engines report a death by signal as 128 and the signal's number. */
function signalOf(status: number | undefined): string | null {
  if (status === undefined || status <= 128) return null;
  const names = Object.entries(constants.signals);
  return names.find(([, number]) => number === status - 128)?.[0] ?? null;
}

/** Whether a process number that the engine gave means the same process on this machine. */
function isProcessOf(pid: number, containerId: string): boolean {
  if (pid <= 0) return false;
  try {
    return readFileSync(`/proc/${pid}/cgroup`, 'utf8').includes(containerId);
  } catch {
    return false;
  }
}
