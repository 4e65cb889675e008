/**
 * Reads the log lines of a Jepsen run: `INFO  jepsen.util - 0<tab>:invoke<tab>:cas<tab>[1 2]`.
 *
 * Lines of other loggers stand between them and are passed over; a line of `jepsen.util` that is
 * no event, or a line of no logger at all, is damage. The value of a failed or unknown operation
 * may be a reason (`:timed-out`) in place of what was asked; then it is the operation's error.
 */

import { EdnReader, parseEdn } from './edn';
import type { EdnValue } from './edn';
import { damagedLine } from './errors';
import { LineSplitter } from './lines';
import { ProcessPairing } from './processes';
import type { History, Outcome, TornLine } from './types';

const eventLine =
  /^[A-Z]+\s.*?jepsen\.util\s+(?:-\s+)?(\d+|:nemesis)\s+:(invoke|ok|fail|info)\s+:(\S+)\s*(.*)$/;
const otherLogger = /^(?:TRACE|DEBUG|INFO|WARN|ERROR|FATAL)\s(?!.*jepsen\.util)/;

/** Whether a text begins like such a log. */
export function looksLikeJepsenLog(head: string): boolean {
  return /^(?:TRACE|DEBUG|INFO|WARN|ERROR|FATAL)\s.*jepsen/m.test(head);
}

export class JepsenLogReader {
  private readonly lines = new LineSplitter((text) => this.readLine(text));
  private readonly processes = new ProcessPairing();

  constructor(private readonly file: string) {}

  push(chunk: string): void {
    this.lines.push(chunk);
  }

  end(): History {
    const rest = this.lines.end();
    let torn: TornLine | undefined;
    if (rest !== '') {
      if (eventLine.test(rest) && isValue(rest)) this.readLine(rest);
      else torn = { line: this.lines.line, text: rest };
    }
    return this.processes.finish({}, torn);
  }

  private readLine(text: string): void {
    const match = eventLine.exec(text);
    if (match === null) {
      if (text.trim() === '' || otherLogger.test(text)) return;
      throw this.damage(text, 'is no event of jepsen.util');
    }
    const [, process, type, f, value] = match as unknown as [
      string,
      string,
      string,
      string,
      string,
    ];
    try {
      if (process === ':nemesis') this.processes.fault(f, value);
      else this.readEvent(Number(process), type as 'invoke' | Outcome, f, value);
    } catch (error) {
      throw this.damage(text, (error as Error).message);
    }
  }

  private readEvent(process: number, type: 'invoke' | Outcome, f: string, text: string): void {
    if (type === 'invoke') {
      this.processes.invoke(process, f, undefined, readValue(text));
    } else if (type === 'ok') {
      this.processes.complete(process, { type, value: readValue(text) });
    } else {
      this.processes.complete(process, { type, ...valueOrError(text) });
    }
  }

  private damage(text: string, reason: string): Error {
    return damagedLine({ file: this.file, line: this.lines.line }, text, reason);
  }
}

/** Numbers and nil are nearly all there is: they need no parser. */
function readValue(text: string): EdnValue {
  if (text === 'nil') return null;
  const code = text.charCodeAt(0);
  if (code >= 48 && code <= 57 && /^\d+$/.test(text)) return Number(text);
  return parseEdn(text);
}

/** What a failed or unknown operation shows: its value again, or why. */
export function valueOrError(text: string): { value?: EdnValue; error?: string } {
  if (text.startsWith(':')) return { error: text.slice(1) };
  try {
    return { value: readValue(text) };
  } catch {
    return { error: text };
  }
}

function isValue(text: string): boolean {
  const value = eventLine.exec(text)![4]!;
  try {
    const reader = new EdnReader(value);
    reader.read();
    return true;
  } catch {
    return false;
  }
}
