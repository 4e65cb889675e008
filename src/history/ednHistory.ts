/**
 * Reads histories of EDN maps, one a line or all in one vector:
 * `{:process 0, :type :invoke, :f :append, :key "4", :value "x 0 1 y"}`.
 *
 * Porcupine's KV logs and Jepsen's own `history.edn` have this shape. A line that does not parse
 * is damage, unless it is the last one and lacks its newline.
 */

import { EdnReader, ednText, parseEdn } from './edn';
import type { EdnValue } from './edn';
import { damagedLine } from './errors';
import { LineSplitter } from './lines';
import { ProcessPairing } from './processes';
import type { History, Outcome, TornLine } from './types';

type EdnMap = { readonly [key: string]: EdnValue };

/** Whether a text begins like such a history. */
export function looksLikeEdn(head: string): boolean {
  return /^\s*[[(]?\s*(?:#\S*\s*)?\{\s*:/.test(head);
}

export class EdnHistoryReader {
  private readonly lines = new LineSplitter((text) => this.readLine(text));
  private readonly processes = new ProcessPairing();
  private whole: string[] | undefined;
  private started = false;

  constructor(private readonly file: string) {}

  push(chunk: string): void {
    if (!this.started && chunk.trim() !== '') {
      this.started = true;
      if (/^\s*[[(]/.test(chunk)) this.whole = [];
    }
    if (this.whole === undefined) this.lines.push(chunk);
    else this.whole.push(chunk);
  }

  end(): History {
    if (this.whole !== undefined) return this.readVector(this.whole.join(''));
    const rest = this.lines.end();
    let torn: TornLine | undefined;
    if (rest !== '') {
      if (isMap(rest)) this.readLine(rest);
      else torn = { line: this.lines.line, text: rest };
    }
    return this.processes.finish({}, torn);
  }

  private readVector(text: string): History {
    const reader = new EdnReader(text);
    reader.enterSequence();
    let offset = 0;
    try {
      while (!reader.leaveSequence()) {
        offset = reader.offset;
        this.readEvent(reader.read());
      }
    } catch (error) {
      const line = text.slice(0, offset).split('\n').length;
      const rest = text.slice(offset).split('\n')[0]!;
      throw damagedLine({ file: this.file, line }, rest, (error as Error).message);
    }
    return this.processes.finish({}, undefined);
  }

  private readLine(text: string): void {
    if (text.trim() === '') return;
    try {
      this.readEvent(parseEdn(text));
    } catch (error) {
      const place = { file: this.file, line: this.lines.line };
      throw damagedLine(place, text, (error as Error).message);
    }
  }

  private readEvent(value: EdnValue): void {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      throw new Error('is no map');
    }
    const map = value as EdnMap;
    const type = keyword(map, 'type');
    const f = keyword(map, 'f');
    const process = map['process'];
    if (process === ':nemesis') {
      this.processes.fault(f, map['value']);
      return;
    }
    if (typeof process !== 'number') throw new Error('has no :process number');
    const key = map['key'];
    const keyText = key === undefined || key === null ? undefined : ednText(key);
    if (type === 'invoke') {
      this.processes.invoke(process, f, keyText, map['value'] ?? null);
    } else if (type === 'ok' || type === 'fail' || type === 'info') {
      this.processes.complete(process, { type, ...outcomeOf(type, map) });
    } else {
      throw new Error(`has the unknown type ${type}`);
    }
  }
}

function outcomeOf(type: Outcome, map: EdnMap): { value?: EdnValue; error?: string } {
  const value = map['value'] ?? null;
  const error = map['error'];
  if (error !== undefined && error !== null) return { value, error: ednText(error) };
  if (type !== 'ok' && typeof value === 'string' && value.startsWith(':')) {
    return { error: value.slice(1) };
  }
  return { value };
}

function keyword(map: EdnMap, name: string): string {
  const value = map[name];
  if (typeof value !== 'string') throw new Error(`has no :${name}`);
  return value.startsWith(':') ? value.slice(1) : value;
}

function isMap(text: string): boolean {
  try {
    parseEdn(text);
    return true;
  } catch {
    return false;
  }
}
