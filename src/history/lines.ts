/**
 * Cuts chunks of text into lines for the readers that work line by line.
 *
 * Invariant: `line` is the number of the line that the callback is reading, from 1.
 */

export class LineSplitter {
  /** Number of the line being read. */
  line = 0;
  private rest = '';

  constructor(private readonly readLine: (text: string) => void) {}

  push(chunk: string): void {
    const text = this.rest === '' ? chunk : this.rest + chunk;
    let start = 0;
    for (;;) {
      const end = text.indexOf('\n', start);
      if (end === -1) break;
      this.line++;
      const trimmed = text.charCodeAt(end - 1) === 13 ? end - 1 : end;
      if (trimmed > start) this.readLine(text.slice(start, trimmed));
      start = end + 1;
    }
    this.rest = start === 0 ? text : text.slice(start);
  }

  /** The text behind the last newline, which belongs to the next line; '' when there is none. */
  end(): string {
    const rest = this.rest.trim();
    this.rest = '';
    if (rest !== '') this.line++;
    return rest;
  }
}
