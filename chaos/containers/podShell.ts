/**
 * A shell that stays open in a pod. Each `exec` costs the engine some 100 ms, so a partition of
 * five members by one `exec` per link would take seconds to come about; a line to an open shell
 * takes a few milliseconds.
 */
import { PassThrough, type Duplex } from 'node:stream';

import { waitFor } from '../wait';
import type { Engine, EngineContainer } from './runtime';
import { within } from './within';

const commandLimitMs = 10_000;

/** What docker-modem has for streams that carry both outputs of a process. */
interface Demuxer {
  demuxStream(stream: Duplex, stdout: NodeJS.WritableStream, stderr: NodeJS.WritableStream): void;
}

export class PodShell {
  private output = '';
  private hasEnded = false;
  private sequence = 0;
  private last: Promise<unknown> = Promise.resolve();

  private constructor(private readonly stream: Duplex) {}

  static async open(engine: Engine, container: EngineContainer): Promise<PodShell> {
    const exec = await container.exec({
      Cmd: ['sh'],
      AttachStdin: true,
      AttachStdout: true,
      AttachStderr: true,
    });
    const stream = await exec.start({ hijack: true, stdin: true });
    const shell = new PodShell(stream);
    const output = new PassThrough();
    output.setEncoding('utf8');
    output.on('data', (text: string) => {
      shell.output += text;
    });
    const end = (): void => {
      shell.hasEnded = true;
    };
    stream.on('end', end).on('close', end).on('error', end);
    (engine.modem as Demuxer).demuxStream(stream, output, output);
    return shell;
  }

  /** Runs a command after those before it; rejects with its output when it fails. */
  run(command: string): Promise<void> {
    const done = this.last.then(() => this.runNow(command));
    this.last = done.catch(() => undefined);
    return done;
  }

  close(): void {
    this.stream.destroy();
  }

  private async runNow(command: string): Promise<void> {
    this.sequence += 1;
    const mark = `crucible-${this.sequence}=`;
    this.output = '';
    this.stream.write(`{ ${command}; } 2>&1; echo "${mark}$?"\n`);
    // The status stands behind the mark, so the mark alone, echoed or split, does not match.
    const status = await waitFor(
      () => {
        if (this.hasEnded) throw new Error(`the pod ended: ${this.output}`);
        return new RegExp(`${mark}(\\d+)\\n`).exec(this.output)?.[1];
      },
      {
        what: `"${command}" in a pod`,
        limitMs: commandLimitMs,
        intervalMs: 1,
        isFinal: () => this.hasEnded,
      },
    );
    if (status !== '0') {
      throw new Error(`"${command}" in a pod: exit code ${status}: ${this.output.trim()}`);
    }
  }
}

/** Opens a shell, within a limit. */
export function openShell(engine: Engine, container: EngineContainer): Promise<PodShell> {
  return within(commandLimitMs, 'a shell in a pod', PodShell.open(engine, container));
}
