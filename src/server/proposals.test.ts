/** How commands get into the log as one batch, and back to whoever asked. */
import { decodeCommand, type Applied, type Command } from '../kv';
import { resolveDriverOptions } from './driverOptions';
import { NotServed } from './notServed';
import { Proposals, type ProposalOutcome } from './proposals';
import { TestRuntime } from './testing/testRuntime';

const command: Command = { kind: 'compact', request: { revision: 1, physical: false } };
const applied: Applied = { result: { kind: 'compact' }, revision: 7, events: [] };

function setUp(limits: { waitingRequestsMax?: number; waitingBytesMax?: number } = {}) {
  const runtime = new TestRuntime();
  const options = resolveDriverOptions({ id: 3, requestTimeoutMs: 1_000, ...limits });
  const proposals = new Proposals(3, options, runtime);
  const outcomes: ProposalOutcome[] = [];
  const batches: (readonly Uint8Array[])[] = [];
  return {
    runtime,
    proposals,
    outcomes,
    batches,
    add: () => proposals.add(command, (outcome) => outcomes.push(outcome)),
    flush: (refusal?: NotServed) =>
      proposals.flush(undefined, (batch) => {
        batches.push(batch);
        return refusal;
      }),
  };
}

describe('proposals', () => {
  it('of one turn leave as one batch, in order', () => {
    const { add, flush, batches } = setUp();
    add();
    add();
    flush();
    flush();
    expect(batches.map((batch) => batch.length)).toEqual([2]);
    const [first, second] = batches[0]!.map((data) => decodeCommand(data).sequence);
    expect(second).toBe(first! + 1);
  });

  it('are answered by origin and sequence number', () => {
    const { proposals, add, flush, batches, outcomes } = setUp();
    add();
    flush();
    const { origin, sequence } = decodeCommand(batches[0]![0]!);
    proposals.applied(origin + 1, sequence, applied);
    proposals.applied(origin, sequence + 1, applied);
    expect(outcomes).toEqual([]);
    proposals.applied(origin, sequence, applied);
    proposals.applied(origin, sequence, applied);
    expect(outcomes).toEqual([applied]);
    expect(proposals.failed).toBe(0);
  });

  it('that the core refuses certainly had no effect', () => {
    const { add, flush, outcomes, proposals } = setUp();
    add();
    flush(new NotServed('noLeader', true, 'no leader is known'));
    expect(outcomes).toMatchObject([{ reason: 'noLeader', certain: true }]);
    expect(proposals.waiting).toEqual({ count: 0, bytes: 0 });
    expect(proposals.failed).toBe(1);
  });

  it('for the leader of a term are proposed by it in that term, or certainly not at all', () => {
    const { proposals, outcomes, batches, add } = setUp();
    const forTerm = (term: number) => proposals.add(command, (o) => outcomes.push(o), term);
    const flush = (leadingTerm: number | undefined): void =>
      proposals.flush(leadingTerm, (batch) => {
        batches.push(batch);
        return undefined;
      });
    forTerm(4);
    add();
    flush(4);
    expect(batches.map((batch) => batch.length)).toEqual([2]);
    for (const leadingTerm of [5, undefined]) {
      forTerm(4);
      flush(leadingTerm);
    }
    expect(batches).toHaveLength(1);
    const refusal = { reason: 'noLeader', certain: true };
    expect(outcomes).toMatchObject([refusal, refusal]);
  });

  it('without an answer end as unknown after the timeout', () => {
    const { runtime, proposals, add, flush, outcomes } = setUp();
    add();
    flush();
    runtime.advance(999);
    proposals.tick(runtime.nowMs());
    expect(outcomes).toEqual([]);
    runtime.advance(1);
    proposals.tick(runtime.nowMs());
    expect(outcomes).toMatchObject([{ reason: 'timeout', certain: false }]);
    expect(proposals.failed).toBe(1);
  });

  it('are limited in number and in bytes, and the refusal names both', () => {
    const byCount = setUp({ waitingRequestsMax: 1 });
    byCount.add();
    expect(byCount.add()).toBe(false);
    expect(byCount.outcomes).toMatchObject([{ reason: 'tooManyRequests', certain: true }]);
    expect(byCount.proposals.failed).toBe(1);
    const byBytes = setUp({ waitingBytesMax: 3 });
    expect(byBytes.add()).toBe(false);
    expect((byBytes.outcomes[0] as NotServed).message).toContain('limits 10000 and 3');
  });

  it('of two incarnations never share a number', () => {
    const runtime = new TestRuntime();
    const options = resolveDriverOptions({ id: 3 });
    const numbers = [1, 2].map(() => {
      const proposals = new Proposals(3, options, runtime);
      let sequence = 0;
      proposals.add(command, () => undefined);
      proposals.flush(undefined, (batch) => {
        sequence = decodeCommand(batch[0]!).sequence;
        return undefined;
      });
      return sequence;
    });
    expect(Math.abs(numbers[0]! - numbers[1]!)).toBeGreaterThan(1_000_000);
  });
});
