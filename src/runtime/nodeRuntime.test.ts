/** The real runtime: order of deferred work, timers, and fair numbers. */
import { NodeRuntime } from './nodeRuntime';

function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

describe('the real runtime', () => {
  test('runs deferred work in order after the present turn, later work in the next', async () => {
    const runtime = new NodeRuntime();
    const order: string[] = [];
    runtime.defer(() => {
      order.push('first');
      runtime.defer(() => order.push('later'));
    });
    runtime.defer(() => order.push('second'));
    void Promise.resolve().then(() => order.push('promise'));
    expect(order).toEqual([]);
    await turn();
    expect(order).toEqual(['promise', 'first', 'second']);
    await turn();
    expect(order).toEqual(['promise', 'first', 'second', 'later']);
  });

  test('fires a timer once and never after it was cancelled', async () => {
    const runtime = new NodeRuntime();
    const fired: string[] = [];
    const cancelled = runtime.after(0, () => fired.push('cancelled'));
    await new Promise<void>((resolve) => {
      runtime.after(0, () => fired.push('timer'));
      cancelled.cancel();
      runtime.after(2, resolve);
    });
    cancelled.cancel();
    expect(fired).toEqual(['timer']);
  });

  test('has a clock that does not go back', () => {
    const runtime = new NodeRuntime();
    const before = runtime.nowMs();
    expect(runtime.nowMs()).toBeGreaterThanOrEqual(before);
    expect(runtime.wallMs()).toBeGreaterThan(1.6e12);
  });

  test('draws every value, none outside, and refuses what it cannot draw', () => {
    const runtime = new NodeRuntime();
    const counts = new Array<number>(7).fill(0);
    for (let i = 0; i < 7000; i++) counts[runtime.random(7)]!++;
    // Each is 1000 on average with a deviation of 29; 700 is ten deviations away.
    for (const count of counts) expect(count).toBeGreaterThan(700);
    expect(runtime.random(1)).toBe(0);
    for (const n of [0, -1, 1.5, NaN, 2 ** 33]) expect(() => runtime.random(n)).toThrow(RangeError);
  });
});
