import { Logger, type LogLevel } from './logger';

function logged(level: LogLevel, log: (logger: Logger) => void): Record<string, unknown>[] {
  let text = '';
  const write = (line: string): void => {
    text += line;
  };
  log(new Logger(level, write, () => 0));
  return text
    .split(/(?<=\n)/)
    .filter(Boolean)
    .map((line) => JSON.parse(line) as Record<string, unknown>);
}

describe('the log of a member', () => {
  it('is one JSON object a line with level, time, message and named fields', () => {
    const lines = logged('info', (logger) => {
      logger.with({ member: 'm1' }).info('leader changed', { leader: 'm2', term: 3 });
      logger.warn('two\nlines "quoted"');
    });
    expect(lines).toEqual([
      {
        level: 'info',
        ts: '1970-01-01T00:00:00.000Z',
        msg: 'leader changed',
        member: 'm1',
        leader: 'm2',
        term: 3,
      },
      { level: 'warn', ts: '1970-01-01T00:00:00.000Z', msg: 'two\nlines "quoted"' },
    ]);
    expect(Object.keys(lines[0]!)[0]).toBe('level');
  });

  it.each([
    ['debug', ['debug', 'info', 'warn', 'error']],
    ['info', ['info', 'warn', 'error']],
    ['warn', ['warn', 'error']],
    ['error', ['error']],
  ] as const)('has at level %s what is that severe or more', (level, expected) => {
    const lines = logged(level, (logger) => {
      for (const each of ['debug', 'info', 'warn', 'error'] as const) logger[each]('x');
    });
    expect(lines.map((line) => line['level'])).toEqual(expected);
  });

  it('is written whatever the fields are', () => {
    const circle: Record<string, unknown> = {};
    circle['itself'] = circle;
    const lines = logged('info', (logger) => {
      logger.info('a', { id: 2n ** 63n, error: new Error('broken'), level: 'none', msg: 'b' });
      logger.info('c', { circle });
    });
    expect(lines[0]).toMatchObject({
      level: 'info',
      msg: 'a',
      id: '9223372036854775808',
      error: 'broken',
    });
    expect(lines[1]).toMatchObject({ level: 'info', msg: 'c' });
    expect(lines[1]!['fields']).toContain('circular');
  });
});
