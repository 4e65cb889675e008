/**
 * Cuts a text of JSON objects, one after the other and perhaps over many lines, into objects.
 *
 * Invariant: `line` is the line on which the object being read begins, from 1. Only braces and
 * strings are looked at; whether what is between them is JSON is the reader's question.
 */

const quote = 34;
const backslash = 92;
const opening = 123;
const closing = 125;
const newline = 10;

export class JsonObjects {
  line = 1;
  private buffer = '';
  private position = 0;
  private depth = 0;
  private isInString = false;
  private nextLine = 1;
  private start = -1;

  constructor(private readonly readObject: (text: string) => void) {}

  push(chunk: string): void {
    this.buffer += chunk;
    for (; this.position < this.buffer.length; this.position++) {
      const code = this.buffer.charCodeAt(this.position);
      if (code === newline) this.nextLine++;
      if (this.isInString) this.inString(code);
      else if (code === quote && this.start >= 0) this.isInString = true;
      else if (code === opening) this.open();
      else if (code === closing && this.start >= 0) this.close();
      else if (this.start < 0 && code > 32) this.stray();
    }
    if (this.start < 0) this.forget(this.buffer.length);
    else if (this.start > 0) this.forget(this.start);
  }

  /** The beginning of an object that never ended; '' when there is none. */
  end(): string {
    return this.start < 0 ? '' : this.buffer.slice(this.start);
  }

  private inString(code: number): void {
    if (code === backslash) this.position++;
    else if (code === quote) this.isInString = false;
  }

  private open(): void {
    if (this.depth === 0) {
      this.start = this.position;
      this.line = this.nextLine;
    }
    this.depth++;
  }

  private close(): void {
    this.depth--;
    if (this.depth > 0) return;
    this.readObject(this.buffer.slice(this.start, this.position + 1));
    this.start = -1;
  }

  /** What stands between two objects and is neither space is handed on, to be refused. */
  private stray(): void {
    this.line = this.nextLine;
    const rest = this.buffer.slice(this.position).split('\n')[0]!;
    this.readObject(rest);
  }

  private forget(count: number): void {
    this.buffer = this.buffer.slice(count);
    this.position -= count;
    if (this.start >= 0) this.start -= count;
  }
}
