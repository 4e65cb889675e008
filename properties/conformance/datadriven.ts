/**
 * The data-driven script format: a directive, its input, `----`, and the output it must give.
 *
 *     # A comment.
 *     command argument key=value key=(value, value)
 *     input
 *     ----
 *     expected output, up to a blank line
 *
 * Output that itself holds blank lines stands between doubled separators instead. A directive
 * may go on in the next line after a backslash. Comparison is byte for byte.
 */

export interface Argument {
  readonly key: string;
  /** Empty for a bare word. */
  readonly values: readonly string[];
}

export interface Directive {
  /** Line of the command, from 1. */
  readonly line: number;
  readonly command: string;
  readonly args: readonly Argument[];
  readonly input: string;
  readonly expected: string;
}

/** A directive whose output differs; `actual` is what it gave. */
export interface Mismatch {
  readonly directive: Directive;
  readonly actual: string;
}

/** A script that does not follow the format. */
export class ScriptError extends Error {
  constructor(line: number, message: string) {
    super(`line ${line}: ${message}`);
    this.name = 'ScriptError';
  }
}

const SEPARATOR = '----';

export function parseScript(text: string): readonly Directive[] {
  const lines = text.split('\n');
  const directives: Directive[] = [];
  let at = 0;
  while (at < lines.length) {
    const first = lines[at]!.trim();
    if (first === '' || first.startsWith('#')) {
      at++;
      continue;
    }
    const line = at + 1;
    let head = first;
    at++;
    while (head.endsWith('\\')) head = `${head.slice(0, -1).trim()} ${(lines[at++] ?? '').trim()}`;
    const input: string[] = [];
    while (at < lines.length && lines[at] !== SEPARATOR) input.push(lines[at++]!);
    if (at === lines.length) throw new ScriptError(line, `no ${SEPARATOR} after "${head}"`);
    at++;
    const expected: string[] = [];
    if (lines[at] === SEPARATOR) at = readDoubled(lines, at + 1, expected, line);
    else while (at < lines.length && lines[at]!.trim() !== '') expected.push(lines[at++]!);
    directives.push({
      line,
      ...parseCommand(head, line),
      input: input.join('\n').trim(),
      expected: expected.map((text) => `${text}\n`).join(''),
    });
  }
  return directives;
}

/** A command line: the command and its arguments. */
export function parseCommand(head: string, line: number): Pick<Directive, 'command' | 'args'> {
  const [command, ...words] = splitWords(head);
  if (command === undefined) throw new ScriptError(line, `no command in "${head}"`);
  return { command, args: words.map((word) => parseArgument(word, line)) };
}

/** Runs the directives in order; all of them, as each failure may tell more. */
export function runScript(
  directives: readonly Directive[],
  handle: (directive: Directive) => string,
): readonly Mismatch[] {
  const mismatches: Mismatch[] = [];
  for (const directive of directives) {
    let actual = handle(directive);
    if (actual !== '' && !actual.endsWith('\n')) actual += '\n';
    if (actual !== directive.expected) mismatches.push({ directive, actual });
  }
  return mismatches;
}

/** The values of the argument `key`, or undefined when it is absent. */
export function valuesOf(directive: Directive, key: string): readonly string[] | undefined {
  return directive.args.find((argument) => argument.key === key)?.values;
}

/** The bare words of a directive, e.g. the ids of nodes. */
export function wordsOf(directive: Directive): readonly string[] {
  return directive.args.filter(({ values }) => values.length === 0).map(({ key }) => key);
}

/** Reads up to the closing pair of separators; returns the line after it. */
function readDoubled(
  lines: readonly string[],
  from: number,
  expected: string[],
  line: number,
): number {
  for (let at = from; at < lines.length; at++) {
    if (lines[at] === SEPARATOR && lines[at + 1] === SEPARATOR) return at + 2;
    expected.push(lines[at]!);
  }
  throw new ScriptError(line, `no closing pair of ${SEPARATOR}`);
}

/** Splits at blanks that are not within parentheses. */
function splitWords(head: string): readonly string[] {
  return head.match(/[^\s=()]+(?:=(?:\([^)]*\)?|[^\s()]*))?/g) ?? [];
}

function parseArgument(word: string, line: number): Argument {
  const equals = word.indexOf('=');
  if (equals < 0) return { key: word, values: [] };
  const key = word.slice(0, equals);
  const value = word.slice(equals + 1);
  if (!value.startsWith('(')) return { key, values: [value] };
  if (!value.endsWith(')')) throw new ScriptError(line, `no ) in "${word}"`);
  const inner = value.slice(1, -1).trim();
  return { key, values: inner === '' ? [] : inner.split(',').map((part) => part.trim()) };
}
