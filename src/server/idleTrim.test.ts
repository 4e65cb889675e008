/** When memory is given back, on a clock turned by hand. */
import { IdleTrim } from './idleTrim';
import { TestRuntime } from './testing/testRuntime';

const QUIET_MS = 5_000;
const MIB = 1024 * 1024;

function start() {
  const runtime = new TestRuntime();
  const log = { bytesWritten: 0, trims: 0 };
  const trim = new IdleTrim({
    runtime,
    quietMs: QUIET_MS,
    bytesWritten: () => log.bytesWritten,
    trim: () => log.trims++,
  });
  /** Time passes, with so many bytes written in each quiet time. */
  const pass = (times: number, bytes: number): number => {
    for (let i = 0; i < times; i++) {
      log.bytesWritten += bytes;
      runtime.advance(QUIET_MS);
    }
    return log.trims;
  };
  return { runtime, trim, pass };
}

describe('memory is given back', () => {
  it('once when a load is over, and again after the next one', () => {
    const { pass } = start();
    expect(pass(3, 10 * MIB)).toBe(0);
    expect(pass(1, 0)).toBe(1);
    expect(pass(10, 0)).toBe(1);
    expect(pass(1, 10 * MIB)).toBe(1);
    expect(pass(1, 0)).toBe(2);
  });

  it('while the log hardly grows, as under heartbeats of leases', () => {
    const { pass } = start();
    pass(1, 10 * MIB);
    expect(pass(1, 1000)).toBe(1);
  });

  it('not where hardly anything was written', () => {
    const { pass } = start();
    expect(pass(10, 1000)).toBe(0);
  });

  it('not under a load, however long', () => {
    const { pass } = start();
    expect(pass(100, MIB)).toBe(0);
  });

  it('not by a member that is closed', () => {
    const { pass, trim } = start();
    pass(1, 10 * MIB);
    trim.stop();
    expect(pass(5, 0)).toBe(0);
  });
});
