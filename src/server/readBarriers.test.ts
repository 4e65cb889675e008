/** When a linearizable read may be served, and when it must not. */
import { resolveDriverOptions } from './driverOptions';
import { NotServed } from './notServed';
import { ReadBarriers, type ReadOutcome } from './readBarriers';
import { TestRuntime } from './testing/testRuntime';

function setUp() {
  const runtime = new TestRuntime();
  const options = resolveDriverOptions({ id: 1, requestTimeoutMs: 1_000, waitingRequestsMax: 3 });
  const reads = new ReadBarriers(options, runtime);
  const tokens: number[] = [];
  const outcomes = new Map<string, ReadOutcome>();
  return {
    runtime,
    reads,
    tokens,
    outcomes,
    add: (name: string) => reads.add((outcome) => outcomes.set(name, outcome)),
    flush: () => reads.flush((token) => tokens.push(token)),
    tick: (ms: number) => {
      runtime.advance(ms);
      reads.tick(runtime.nowMs(), (token) => tokens.push(token));
    },
  };
}

describe('a read barrier', () => {
  it('opens when the confirmed index is applied, not before', () => {
    const { reads, tokens, outcomes, add, flush } = setUp();
    add('a');
    flush();
    reads.confirm([{ token: tokens[0]!, index: 5 }], 4);
    expect(outcomes.size).toBe(0);
    reads.applied(5);
    expect([...outcomes]).toEqual([['a', undefined]]);
  });

  it('never lets a read join a confirmation that was under way when it arrived', () => {
    const { reads, tokens, outcomes, add, flush } = setUp();
    add('early');
    flush();
    add('late');
    flush();
    expect(tokens).toHaveLength(1);
    reads.confirm([{ token: tokens[0]!, index: 1 }], 9);
    expect([...outcomes.keys()]).toEqual(['early']);
    flush();
    reads.confirm([{ token: tokens[1]!, index: 2 }], 9);
    expect([...outcomes.keys()]).toEqual(['early', 'late']);
  });

  it('ignores a confirmation it did not ask for', () => {
    const { reads, tokens, outcomes, add, flush } = setUp();
    add('a');
    flush();
    reads.confirm([{ token: tokens[0]! + 1, index: 0 }], 9);
    expect(outcomes.size).toBe(0);
  });

  it('asks again under a new token, and takes whichever answer comes first', () => {
    const { reads, tokens, outcomes, add, flush, tick } = setUp();
    add('a');
    flush();
    tick(500);
    expect(tokens).toHaveLength(2);
    expect(tokens[1]).not.toBe(tokens[0]);
    reads.confirm([{ token: tokens[0]!, index: 0 }], 9);
    expect(outcomes.has('a')).toBe(true);
  });

  it('gives up after the request timeout, certainly without effect', () => {
    const { outcomes, add, flush, tick } = setUp();
    add('a');
    flush();
    tick(1_000);
    expect(outcomes.get('a')).toMatchObject({ reason: 'timeout', certain: true });
  });

  it('refuses more waiting reads than its limit and names both', () => {
    const { outcomes, add } = setUp();
    for (const name of ['a', 'b', 'c', 'd']) add(name);
    expect([...outcomes.keys()]).toEqual(['d']);
    expect(outcomes.get('d')).toMatchObject({ message: '3 reads are waiting (limit 3)' });
  });

  it('tells everybody when the member stops', () => {
    const { reads, outcomes, add, flush } = setUp();
    add('a');
    flush();
    add('b');
    reads.stop(new NotServed('stopped', true, 'stopping'));
    expect([...outcomes.keys()]).toEqual(['a', 'b']);
  });
});
