/**
 * Reads EDN values, the notation of Clojure programs such as Jepsen.
 *
 * Only what histories hold: nil, booleans, numbers, strings, characters, keywords, symbols,
 * vectors, lists, sets, maps; tags are skipped. A keyword becomes a string with its colon
 * (":timed-out"), so that it cannot be confused with a string; the keys of a map lose theirs.
 */

export type EdnValue =
  null | boolean | number | string | readonly EdnValue[] | { readonly [key: string]: EdnValue };

const delimiter = /[\s,()[\]{}"';]/;
/** From where it stands to the next delimiter. */
const token = /[^\s,()[\]{}"';]*/y;
const escapes: Readonly<Record<string, string>> = {
  n: '\n',
  t: '\t',
  r: '\r',
  b: '\b',
  f: '\f',
  '"': '"',
  '\\': '\\',
};
const namedCharacters: Readonly<Record<string, string>> = {
  newline: '\n',
  space: ' ',
  tab: '\t',
  return: '\r',
};
const depthMax = 64;
const comma = 44;
const colon = 58;
const semicolon = 59;
const closingBrace = 125;

/** Reads one value after the other from a text. Throws an Error that says what is wrong. */
export class EdnReader {
  private position = 0;
  private depth = 0;

  constructor(private readonly text: string) {}

  /** Whether nothing but space and comments is left. */
  atEnd(): boolean {
    this.skipSpace();
    return this.position >= this.text.length;
  }

  /** Where the next character is; for error messages. */
  get offset(): number {
    return this.position;
  }

  /** Consumes the opening bracket of a vector or list, so that its items can be read singly. */
  enterSequence(): boolean {
    this.skipSpace();
    const character = this.text[this.position];
    if (character !== '[' && character !== '(') return false;
    this.position++;
    return true;
  }

  /** Whether the sequence that was entered ends here; consumes the closing bracket if so. */
  leaveSequence(): boolean {
    this.skipSpace();
    const character = this.text[this.position];
    if (character !== ']' && character !== ')') return false;
    this.position++;
    return true;
  }

  read(): EdnValue {
    this.skipSpace();
    const character = this.text[this.position];
    if (character === undefined) throw new Error('ends in the middle of a value');
    if (++this.depth > depthMax) throw new Error(`is nested deeper than ${depthMax}`);
    const value = this.readFrom(character);
    this.depth--;
    return value;
  }

  private readFrom(character: string): EdnValue {
    switch (character) {
      case '"':
        return this.readString();
      case '[':
        return this.readSequence(']');
      case '(':
        return this.readSequence(')');
      case '{':
        return this.readMap();
      case '#':
        return this.readDispatch();
      case '\\':
        return this.readCharacter();
      case ')':
      case ']':
      case '}':
        throw new Error(`has an unexpected ${character}`);
      default:
        return readAtom(this.readToken());
    }
  }

  private readDispatch(): EdnValue {
    this.position++;
    const next = this.text[this.position];
    if (next === '{') return this.readSequence('}');
    const tag = this.readToken();
    const value = this.read();
    return tag === '_' ? this.read() : value;
  }

  private readToken(): string {
    const start = this.position;
    token.lastIndex = start;
    token.test(this.text);
    this.position = token.lastIndex;
    if (this.position === start) throw new Error('has no value where one is expected');
    return this.text.slice(start, this.position);
  }

  private readCharacter(): string {
    this.position++;
    const name = this.text[this.position]! + this.text.slice(this.position + 1).split(delimiter)[0];
    this.position += name.length;
    return namedCharacters[name] ?? name[0]!;
  }

  private readString(): string {
    const start = this.position + 1;
    const end = this.text.indexOf('"', start);
    const value = this.text.slice(start, end === -1 ? undefined : end);
    if (end === -1 || value.includes('\\')) return this.readEscapedString();
    this.position = end + 1;
    return value;
  }

  private readEscapedString(): string {
    let value = '';
    let start = ++this.position;
    for (;;) {
      const character = this.text[this.position];
      if (character === undefined) throw new Error('ends in the middle of a string');
      if (character === '"') break;
      if (character === '\\') {
        value += this.text.slice(start, this.position);
        const escape = this.text[this.position + 1] ?? '';
        if (escape === 'u') {
          const code = this.text.slice(this.position + 2, this.position + 6);
          value += String.fromCharCode(Number.parseInt(code, 16));
          this.position += 4;
        } else {
          value += escapes[escape] ?? escape;
        }
        this.position++;
        start = this.position + 1;
      }
      this.position++;
    }
    value += this.text.slice(start, this.position++);
    return value;
  }

  private readSequence(close: string): EdnValue[] {
    this.position++;
    const items: EdnValue[] = [];
    for (;;) {
      this.skipSpace();
      if (this.text[this.position] === close) break;
      items.push(this.read());
    }
    this.position++;
    return items;
  }

  private readMap(): EdnValue {
    this.position++;
    const map: Record<string, EdnValue> = {};
    for (;;) {
      this.skipSpace();
      if (this.text.charCodeAt(this.position) === closingBrace) break;
      const key = this.read();
      this.skipSpace();
      if (this.text.charCodeAt(this.position) === closingBrace) {
        throw new Error('has a map with a key but no value');
      }
      const name =
        typeof key === 'string' && key.charCodeAt(0) === colon ? key.slice(1) : ednText(key);
      map[name] = this.read();
    }
    this.position++;
    return map;
  }

  private skipSpace(): void {
    for (;;) {
      const code = this.text.charCodeAt(this.position);
      // Nearly always there is nothing to skip.
      if (code > comma && code !== semicolon) return;
      if (code === semicolon) {
        const end = this.text.indexOf('\n', this.position);
        this.position = end === -1 ? this.text.length : end;
      } else if (code === 32 || code === comma || (code >= 9 && code <= 13)) {
        this.position++;
      } else {
        return;
      }
    }
  }
}

function readAtom(text: string): EdnValue {
  // Keywords are most of what there is.
  if (text.charCodeAt(0) === colon) return text;
  if (text === 'nil') return null;
  if (text === 'true') return true;
  if (text === 'false') return false;
  if (/^[-+]?\d/.test(text)) {
    const number = Number(text.replace(/[NM]$/, ''));
    if (Number.isNaN(number)) throw new Error(`has the malformed number ${text}`);
    return number;
  }
  return text;
}

/** The one value of a text. Throws when there is more or none. */
export function parseEdn(text: string): EdnValue {
  const reader = new EdnReader(text);
  const value = reader.read();
  if (!reader.atEnd()) throw new Error(`has more text behind its value`);
  return value;
}

/** A key as text: a string is itself, everything else is written as JSON. */
export function ednText(value: EdnValue): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}
