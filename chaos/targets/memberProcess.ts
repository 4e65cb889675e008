/**
 * One member as a child process: started, killed, stopped, paused and resumed.
 *
 * Each operation returns when its effect can be observed, not when the signal was sent: a fault
 * that has not happened yet would be recorded too early in the history and blame the store for
 * answers that were still legitimate. The child gets its own process group, so that Ctrl-C on the
 * terminal reaches the runner alone and the runner decides what happens to the members.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync, fstatSync, openSync, readdirSync, readFileSync, readSync } from 'node:fs';

import { TargetError, type MemberState, type UnexpectedExit } from '../target';
import { waitFor } from '../wait';
import { forgetChild, rememberChild } from './processRegistry';
import type { MemberUnit } from './runningMembers';

export interface MemberProcessOptions {
  readonly name: string;
  readonly command: string;
  readonly argv: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  /** Part of `argv` that no other process on the machine has: the data directory. */
  readonly marker: string;
  /** Where standard output and standard error go, appended. */
  readonly logFile: string;
  /** How long an orderly stop may take before the process is killed. Default 10 000 ms. */
  readonly stopLimitMs?: number;
}

/** How long a signal may take to show its effect. */
const signalLimitMs = 5_000;
const logTailBytes = 4_096;

export class MemberProcess implements MemberUnit {
  private child: ChildProcess | undefined;
  private current: MemberState = 'down';
  private exitIsExpected = false;
  private readonly exits: UnexpectedExit[] = [];

  private argv: readonly string[];

  constructor(private readonly options: MemberProcessOptions) {
    this.argv = options.argv;
  }

  get state(): MemberState {
    return this.current;
  }

  get pid(): number | undefined {
    return this.child?.pid;
  }

  /** For the starts from now on; the marker stays part of it. */
  setArgv(argv: readonly string[]): void {
    this.argv = argv;
  }

  allowExit(): void {
    this.exitIsExpected = true;
  }

  get unexpectedExits(): readonly UnexpectedExit[] {
    return this.exits;
  }

  /** Starts the process; resolves once it runs, which does not yet mean that it serves. */
  async start(): Promise<void> {
    const { name, command, environment, marker, logFile } = this.options;
    if (this.child) throw this.wrongState('start');
    const log = openSync(logFile, 'a');
    try {
      const child = spawn(command, this.argv, {
        stdio: ['ignore', log, log],
        detached: true,
        env: { ...process.env, ...environment },
      });
      await new Promise<void>((resolve, reject) => {
        child.once('spawn', resolve);
        child.once('error', (cause) => {
          reject(new TargetError('notFound', `${name}: cannot run ${command}: ${cause.message}`));
        });
      });
      this.child = child;
      this.current = 'running';
      this.exitIsExpected = false;
      rememberChild(child.pid!, marker);
      child.once('exit', (exitCode, signal) => this.onExit(child, exitCode, signal));
      // A process can end between its spawn and the listener above; then 'exit' never comes.
      if (child.exitCode !== null) this.onExit(child, child.exitCode, child.signalCode);
    } finally {
      closeSync(log);
    }
  }

  /** SIGKILL; resolves when the process is gone. */
  async kill(): Promise<void> {
    const child = this.alive('kill');
    this.exitIsExpected = true;
    child.kill('SIGKILL');
    await this.gone('kill', signalLimitMs);
  }

  /** SIGTERM, and SIGKILL when the limit has passed. */
  async stop(): Promise<void> {
    const child = this.alive('stop');
    this.exitIsExpected = true;
    if (this.current === 'paused') child.kill('SIGCONT');
    child.kill('SIGTERM');
    try {
      await this.gone('stop', this.options.stopLimitMs ?? 10_000);
    } catch {
      child.kill('SIGKILL');
      await this.gone('kill', signalLimitMs);
    }
  }

  /** SIGSTOP; resolves when the kernel reports the process as stopped. */
  async pause(): Promise<void> {
    const child = this.alive('pause');
    child.kill('SIGSTOP');
    this.current = 'paused';
    await this.untilStopped(child.pid!, true);
  }

  /**
   * Resolves when all threads of a paused process stand still. The process counts as stopped
   * before that: a thread inside a call of the system, a sync say, first ends the call.
   */
  async untilIdle(): Promise<void> {
    const { pid } = this;
    if (pid === undefined) return;
    await waitFor(
      () => (threadsOf(pid).every((one) => isStopped(pid, one) ?? true) ? true : undefined),
      {
        what: `all threads of ${this.options.name} to stand still`,
        limitMs: signalLimitMs,
        intervalMs: 2,
      },
    );
  }

  /** SIGCONT. */
  async resume(): Promise<void> {
    const child = this.alive('resume');
    if (this.current !== 'paused') throw this.wrongState('resume');
    child.kill('SIGCONT');
    this.current = 'running';
    await this.untilStopped(child.pid!, false);
  }

  /** The last bytes of the log; empty when nothing was printed. */
  logTail(): string {
    return fileTail(this.options.logFile, logTailBytes);
  }

  private alive(doing: string): ChildProcess {
    if (!this.child) throw this.wrongState(doing);
    return this.child;
  }

  private wrongState(doing: string): TargetError {
    return new TargetError('wrongState', `cannot ${doing} ${this.options.name}: ${this.current}`);
  }

  private onExit(child: ChildProcess, exitCode: number | null, signal: string | null): void {
    if (this.child !== child) return;
    forgetChild(child.pid!);
    this.child = undefined;
    this.current = 'down';
    if (!this.exitIsExpected) {
      this.exits.push({ member: this.options.name, exitCode, signal, logTail: this.logTail() });
    }
  }

  private async gone(doing: string, limitMs: number): Promise<void> {
    await waitFor(() => (this.child === undefined ? true : undefined), {
      what: `${this.options.name} to be gone after ${doing}`,
      limitMs,
      intervalMs: 2,
    });
  }

  private async untilStopped(pid: number, wanted: boolean): Promise<void> {
    await waitFor(() => ((isStopped(pid) ?? wanted) === wanted ? true : undefined), {
      what: `${this.options.name} to ${wanted ? 'stand still' : 'go on'}`,
      limitMs: signalLimitMs,
      intervalMs: 2,
    });
  }
}

/** The threads of a process; none where the system does not tell. */
function threadsOf(pid: number): readonly number[] {
  try {
    return readdirSync(`/proc/${pid}/task`).map(Number);
  } catch {
    return [];
  }
}

/**
 * Whether the kernel reports a process, or one thread of it, as stopped; undefined where it cannot
 * be known.
 */
export function isStopped(pid: number, thread = pid): boolean | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/task/${thread}/stat`, 'utf8');
    // The state is the first field after the command, which may itself contain parentheses.
    return /^[Tt]/.test(stat.slice(stat.lastIndexOf(')') + 2));
  } catch {
    return undefined;
  }
}

/** The last `bytesMax` bytes of a file, from the start of a line; empty when it is missing. */
export function fileTail(file: string, bytesMax: number): string {
  let descriptor: number;
  try {
    descriptor = openSync(file, 'r');
  } catch {
    return '';
  }
  try {
    const { size } = fstatSync(descriptor);
    const start = Math.max(0, size - bytesMax);
    const buffer = Buffer.alloc(size - start);
    const read = readSync(descriptor, buffer, 0, buffer.length, start);
    const text = buffer.toString('utf8', 0, read);
    return start === 0 ? text : text.slice(text.indexOf('\n') + 1);
  } finally {
    closeSync(descriptor);
  }
}
