/**
 * Large ranges beside everything else a member does: on members with simulated devices, where a
 * turn of the event loop takes a millisecond of the test's clock.
 */
import { StateMachine } from '../kv';
import type { RangeReading, RangeRequest } from '../kv';
import { NotServed } from './notServed';
import { RangeReads, type RangeOutcome } from './rangeReads';
import { TestCluster } from './testing/testCluster';

const PART = { entries: 20, bytes: Infinity };

function countOf(rangeEnd: string): RangeRequest {
  return {
    key: 'k',
    rangeEnd,
    revision: 0,
    limit: 0,
    countOnly: true,
    keysOnly: false,
    sortOrder: 'none',
    sortTarget: 'key',
    minModRevision: 0,
    maxModRevision: 0,
    minCreateRevision: 0,
    maxCreateRevision: 0,
  };
}

const ALL = countOf('l');
const SMALL = countOf('k005');

function putInto(machine: StateMachine, key: string): void {
  const flags = { lease: 0n, prevKv: false, ignoreValue: false, ignoreLease: false };
  const request = { key, value: new Uint8Array(1), ...flags };
  machine.apply({ kind: 'put', request }, machine.appliedIndex + 1);
}

const keyOf = (i: number): string => `k${String(i).padStart(3, '0')}`;

/** A machine of 200 keys whose turns the test takes; views are counted. */
function setUp() {
  const machine = new StateMachine();
  for (let i = 0; i < 200; i++) putInto(machine, keyOf(i));
  const turns: (() => void)[] = [];
  const held = new Set<RangeReading>();
  const highest = { held: 0 };
  const start = (request: RangeRequest): RangeReading => {
    const reading = machine.startRange(request);
    const release = reading.release.bind(reading);
    const hold = reading.hold.bind(reading);
    reading.release = () => void (held.delete(reading), release());
    reading.hold = () => {
      hold();
      held.add(reading);
      highest.held = Math.max(highest.held, held.size);
    };
    return reading;
  };
  const reads = new RangeReads({ start, defer: (run) => turns.push(run), part: PART });
  const read = (request: RangeRequest): { outcome?: RangeOutcome | Error } => {
    const asked: { outcome?: RangeOutcome | Error } = {};
    reads.read(request, (outcome) => {
      expect(asked.outcome).toBeUndefined();
      asked.outcome = outcome;
    });
    return asked;
  };
  const turn = (): boolean => {
    turns.shift()?.();
    return turns.length > 0;
  };
  return { machine, reads, read, turn, held, highest };
}

describe('large ranges', () => {
  it('leave a member its heartbeats and its writes, and count what was there at first', () => {
    const cluster = new TestCluster([1, 2, 3]);
    const leader = cluster.leader();
    const { machine } = cluster.driver(leader);
    for (let i = 0; i < 400; i++) cluster.put(leader, keyOf(i));
    const { term, revision } = cluster.driver(leader).status();
    const reads = new RangeReads({
      start: (request) => machine.startRange(request),
      defer: (run) => void cluster.runtime.after(100, run),
      part: { entries: 10, bytes: Infinity },
    });
    let outcome: RangeOutcome | Error | undefined;
    reads.read(ALL, (answer) => (outcome = answer));
    let written = 0;
    while (outcome === undefined) {
      cluster.put(leader, `more${written}`);
      cluster.put(leader, `kk${written++}`);
    }
    // 40 parts of 100 ms: as long as 40 election timeouts of these members.
    expect(written).toBeGreaterThan(40);
    expect(cluster.driver(leader).status()).toMatchObject({ term, role: 'leader' });
    expect(outcome).toMatchObject({ revision, result: { count: 400 } });
    expect(machine.range(ALL).count).toBe(400 + written);
  });

  it('are read a few at a time, in turn, and all get their answer', () => {
    const { read, turn, held, highest } = setUp();
    const asked = Array.from({ length: 10 }, () => read(ALL));
    while (turn());
    for (const { outcome } of asked) expect(outcome).toMatchObject({ result: { count: 200 } });
    expect(highest.held).toBe(4);
    expect(held.size).toBe(0);
  });

  it('do not keep a small range waiting', () => {
    const { read } = setUp();
    for (let i = 0; i < 10; i++) read(ALL);
    expect(read(SMALL).outcome).toMatchObject({ result: { count: 5 } });
  });

  it('see the state of when they were begun, if they had to wait', () => {
    const { machine, read, turn } = setUp();
    const first = Array.from({ length: 4 }, () => read(countOf('kz')));
    const late = read(ALL);
    putInto(machine, 'kk');
    while (turn());
    const at = machine.revision;
    for (const { outcome } of first) {
      expect(outcome).toMatchObject({ revision: at - 1, result: { count: 200 } });
    }
    expect(late.outcome).toMatchObject({ revision: at, result: { count: 201 } });
  });

  it('are refused beyond a number, and by what the state machine refuses', () => {
    const { machine, read } = setUp();
    expect(read({ ...ALL, revision: machine.revision + 1 }).outcome).toBeInstanceOf(Error);
    for (let i = 0; i < 1004; i++) expect(read(ALL).outcome).toBeUndefined();
    const { outcome } = read(ALL);
    expect(outcome).toBeInstanceOf(NotServed);
    expect(outcome).toMatchObject({ reason: 'tooManyRequests', certain: true });
    expect((outcome as Error).message).toContain('1000');
  });

  it('are not read on for a client that has gone', () => {
    const { machine, reads, turn, held } = setUp();
    let begun = 0;
    const startRange = machine.startRange.bind(machine);
    machine.startRange = (request) => (begun++, startRange(request));
    const gone = new Set<number>();
    const outcomes: (RangeOutcome | Error)[] = [];
    for (let i = 0; i < 6; i++) {
      const done = (outcome: RangeOutcome | Error): void => void (outcomes[i] = outcome);
      reads.read(ALL, done, { isWanted: () => !gone.has(i) });
    }
    // One that was begun, and one that waits: it is begun again when its time comes, if ever.
    for (const i of [1, 5]) gone.add(i);
    expect([held.size, begun]).toEqual([4, 6]);
    while (turn());
    expect([held.size, begun]).toEqual([0, 7]);
    outcomes.forEach((outcome, i) => {
      if (gone.has(i)) expect(outcome).toMatchObject({ reason: 'stopped', certain: true });
      else expect(outcome).toMatchObject({ result: { count: 200 } });
    });
  });

  it('end with the member, and hold nothing then', () => {
    const { reads, read, turn, held } = setUp();
    const asked = Array.from({ length: 6 }, () => read(ALL));
    turn();
    reads.stop();
    for (const { outcome } of asked) expect(outcome).toMatchObject({ reason: 'stopped' });
    expect(held.size).toBe(0);
    while (turn());
    expect(read(ALL).outcome).toMatchObject({ reason: 'stopped' });
  });
});
