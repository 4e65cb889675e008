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
    while (this.position < this.text.length && !delimiter.test(this.text[this.position]!)) {
      this.position++;
    }
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
    const items = this.readSequence('}');
    if (items.length % 2 === 1) throw new Error('has a map with a key but no value');
    const map: Record<string, EdnValue> = {};
    for (let i = 0; i < items.length; i += 2) {
      const key = items[i]!;
      map[typeof key === 'string' && key[0] === ':' ? key.slice(1) : ednText(key)] = items[i + 1]!;
    }
    return map;
  }

  private skipSpace(): void {
    for (;;) {
      const code = this.text.charCodeAt(this.position);
      if (code === 59) {
        const end = this.text.indexOf('\n', this.position);
        this.position = end === -1 ? this.text.length : end;
      } else if (code === 32 || code === 44 || (code >= 9 && code <= 13)) {
        this.position++;
      } else {
        return;
      }
    }
  }
}

function readAtom(token: string): EdnValue {
  if (token === 'nil') return null;
  if (token === 'true') return true;
  if (token === 'false') return false;
  if (/^[-+]?\d/.test(token)) {
    const number = Number(token.replace(/[NM]$/, ''));
    if (Number.isNaN(number)) throw new Error(`has the malformed number ${token}`);
    return number;
  }
  return token;
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
