/** Structured logs of a member: one JSON object a line, to stderr or wherever `write` goes. */
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
    this.write(`${JSON.stringify({ level, ts, msg: message, ...this.context, ...fields })}\n`);
  }
}
