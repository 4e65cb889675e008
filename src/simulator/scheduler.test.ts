import fc from 'fast-check';
import { Scheduler } from './scheduler';
import type { EventHandler } from './scheduler';

class Log implements EventHandler {
  readonly seen: [kind: number, value: number, atUs: number][] = [];
  constructor(private readonly scheduler: Scheduler) {}
  handle(kind: number, value: number): void {
    this.seen.push([kind, value, this.scheduler.nowUs]);
  }
}

function runAll(scheduler: Scheduler): void {
  while (scheduler.step());
}

describe('the scheduler', () => {
  it('runs events in the order of (time, sequence) whatever the order they came in', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(50), { maxLength: 2000 }), (times) => {
        const scheduler = new Scheduler();
        const log = new Log(scheduler);
        times.forEach((time, i) => scheduler.schedule(time, log, i, time, undefined));
        runAll(scheduler);
        const expected = times
          .map((time, i) => [i, time, time] as const)
          .sort((a, b) => a[1] - b[1] || a[0] - b[0]);
        expect(log.seen).toEqual(expected);
      }),
      { numRuns: 50 },
    );
  });

  it('keeps that order for what events schedule themselves, for now and for later', () => {
    const delays = fc.array(fc.nat(3), { maxLength: 4 });
    fc.assert(
      fc.property(fc.array(delays, { minLength: 1, maxLength: 60 }), (children) => {
        const scheduler = new Scheduler();
        const seen: number[] = [];
        const model: { atUs: number; order: number }[] = [];
        let order = 0;
        const handler: EventHandler = {
          handle(kind) {
            seen.push(kind);
            for (const delay of children[kind % children.length]!) add(scheduler.nowUs + delay);
          },
        };
        const add = (atUs: number): void => {
          if (order >= 500) return;
          model.push({ atUs, order });
          scheduler.schedule(atUs, handler, order++, 0, undefined);
        };
        for (let i = 0; i < 10; i++) add(i % 4);
        runAll(scheduler);
        const expected = model.sort((a, b) => a.atUs - b.atUs || a.order - b.order);
        expect(seen).toEqual(expected.map((event) => event.order));
      }),
      { numRuns: 100 },
    );
  });

  it('never runs a cancelled event, and runs every other', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(9), fc.boolean()), { maxLength: 600 }), (events) => {
        const scheduler = new Scheduler();
        const log = new Log(scheduler);
        const ids = events.map(([time], i) => scheduler.schedule(time, log, i, 0, undefined));
        ids.forEach((id, i) => events[i]![1] && scheduler.cancel(id));
        runAll(scheduler);
        const kept = events.flatMap(([, cancelled], i) => (cancelled ? [] : [i]));
        expect(log.seen.map(([kind]) => kind).sort((a, b) => a - b)).toEqual(kept);
      }),
      { numRuns: 50 },
    );
  });

  it('ignores the cancellation of an event that already ran and whose slot is used again', () => {
    const scheduler = new Scheduler();
    const log = new Log(scheduler);
    const first = scheduler.schedule(1, log, 1, 0, undefined);
    scheduler.step();
    scheduler.schedule(2, log, 2, 0, undefined);
    scheduler.cancel(first);
    runAll(scheduler);
    expect(log.seen.map(([kind]) => kind)).toEqual([1, 2]);
  });

  it('runs an event that is already late at once, without moving time back', () => {
    const scheduler = new Scheduler();
    const log = new Log(scheduler);
    scheduler.schedule(10, log, 1, 0, undefined);
    scheduler.step();
    scheduler.schedule(3, log, 2, 0, undefined);
    expect(scheduler.nextUs()).toBe(10);
    scheduler.step();
    expect(log.seen).toEqual([
      [1, 0, 10],
      [2, 0, 10],
    ]);
    expect(scheduler.nextUs()).toBe(Infinity);
    expect(scheduler.step()).toBe(false);
  });
});
