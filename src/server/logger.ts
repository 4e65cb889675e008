/**
 * Structured logs of a member: one JSON object a line, to stderr or wherever `write` goes. Each has
 * `level`, `ts` (UTC) and `msg`, as etcd's have; everything else is a named field. Whatever a field
 * holds, the line is written and is JSON: a log must never be what a member fails of.
 */
export type LogLevel = 'debug' | 'info' | 'warn' | 'error';

const SEVERITY: Readonly<Record<LogLevel, number>> = { debug: 0, info: 1, warn: 2, error: 3 };

export class Logger {
  constructor(
    private readonly level: LogLevel,
    private readonly write: (line: string) => void,
    private readonly wallMs: () => number,
    private readonly context: Readonly<Record<string, unknown>> = {},
  ) {}

  with(context: Readonly<Record<string, unknown>>): Logger {
    return new Logger(this.level, this.write, this.wallMs, { ...this.context, ...context });
  }

  debug(message: string, fields?: Readonly<Record<string, unknown>>): void {
    this.log('debug', message, fields);
  }

  info(message: string, fields?: Readonly<Record<string, unknown>>): void {
    this.log('info', message, fields);
  }

  warn(message: string, fields?: Readonly<Record<string, unknown>>): void {
    this.log('warn', message, fields);
  }

  error(message: string, fields?: Readonly<Record<string, unknown>>): void {
    this.log('error', message, fields);
  }

  private log(level: LogLevel, message: string, fields: Readonly<Record<string, unknown>> = {}) {
    if (SEVERITY[level] < SEVERITY[this.level]) return;
    const ts = new Date(this.wallMs()).toISOString();
    const head = { level, ts, msg: message };
    // The head comes first, and no field may take its place.
    const line = { ...head, ...this.context, ...fields, ...head };
    this.write(`${lineOf(line)}\n`);
  }
}

function lineOf(line: Readonly<Record<string, unknown>>): string {
  try {
    return JSON.stringify(line, plain);
  } catch (error) {
    const { level, ts, msg } = line;
    return JSON.stringify({ level, ts, msg, fields: (error as Error).message });
  }
}

/** What JSON has no words for, in words. */
function plain(_name: string, value: unknown): unknown {
  if (typeof value === 'bigint') return String(value);
  return value instanceof Error ? value.message : value;
}
