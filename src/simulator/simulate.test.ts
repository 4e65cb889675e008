import { describeFault, renderColumns, simulate, swarmPlan } from '.';
import { CALM_OPTIONS } from './plan';
import type { Plan } from './plan';

const calm: Plan = {
  seed: 'calm',
  members: 3,
  options: { ...CALM_OPTIONS, safetyMs: 2_000 },
  faults: [],
  operations: Array.from({ length: 40 }, (_, i) => ({
    atMs: 500 + 30 * i,
    client: i % 3,
    kind: i % 2 === 0 ? 'write' : 'read',
    key: i % 2,
    member: 1 + (i % 3),
  })),
};

describe('a simulation', () => {
  it('of a calm cluster serves every operation and converges at once', () => {
    const outcome = simulate(calm);
    expect(outcome.violation).toBeUndefined();
    expect(outcome.verdict).toBe('ok');
    expect(outcome.convergedMs).toBeLessThan(200);
    const outcomes = outcome.history.operations.map((operation) => operation.outcome);
    expect(outcomes.filter((type) => type === 'ok').length).toBeGreaterThanOrEqual(40);
    expect(outcomes).not.toContain('info');
  });

  it('gives the same trace for the same plan, and another for another seed', () => {
    for (const seed of ['1', '2', '3']) {
      const first = simulate(swarmPlan(seed));
      const second = simulate(swarmPlan(seed));
      expect(second.hash).toBe(first.hash);
      expect(second.history).toEqual(first.history);
      expect(second.events).toBe(first.events);
    }
    expect(simulate(swarmPlan('1')).hash).not.toBe(simulate(swarmPlan('2')).hash);
  });

  it('of a majority that stays down can only end in a failed liveness phase', () => {
    // The healing starts every member again, so the bound is what is made impossible here.
    const outcome = simulate({ ...calm, options: { ...calm.options, livenessMs: 0 } });
    expect(outcome.violation).toMatchObject({ invariant: 'liveness' });
    expect(outcome.violation?.details).toContain('0 ms after the healing');
  });

  it('survives a power loss of all members without losing what was acknowledged', () => {
    const outcome = simulate({
      ...calm,
      faults: [{ kind: 'powerLoss', atMs: 1_200, downMs: 300 }],
    });
    expect(outcome.violation).toBeUndefined();
    expect(outcome.marks['all members lost power']).toBe(1);
    expect(outcome.marks['member restarted']).toBe(3);
  });

  it('is undecided when the judge gives up, and a violation when it finds one', () => {
    const unknown = simulate(calm, { judge: () => ({ valid: 'unknown', message: 'tired' }) });
    expect(unknown).toMatchObject({ verdict: 'undecided', reason: 'tired' });
    const bad = simulate(calm, { judge: () => ({ valid: false, message: 'stale' }) });
    expect(bad.violation).toMatchObject({ invariant: 'linearizability', details: 'stale' });
  });

  it('renders one line an event and one column a member', () => {
    const outcome = simulate(calm);
    const [header, legend, first] = renderColumns(outcome.records(), 3, 10).split('\n');
    expect(header).toMatch(/time s.*event.*n1.*n2.*n3.*what/);
    expect(legend).toContain('role term:commit/last applied');
    expect(first).toMatch(/^ +\d+\.\d{6} +\d+ /);
  });

  it('ends a run that runs away and says that it did', () => {
    const outcome = simulate(calm, { eventsMax: 500 });
    expect(outcome).toMatchObject({ verdict: 'violation' });
    expect(outcome.violation).toMatchObject({ invariant: 'boundedWork' });
    expect(outcome.violation!.details).toContain('500 events');
  });
});

it('describes faults in words', () => {
  const fault = { kind: 'pause', atMs: 10, target: 'leader', forMs: 5 } as const;
  expect(describeFault(fault)).toBe('10 ms: pause the leader for 5 ms');
  const hunt = { kind: 'hunt', atMs: 1, reach: 0, downMs: 2, forMs: 3 } as const;
  expect(describeFault({ ...hunt, moment: 'committed', action: 'handOver' })).toBe(
    "from 1 ms: handOver a member at 'committed', to the one 1 further",
  );
  expect(describeFault({ ...hunt, moment: 'torn', action: 'crash' })).toBe(
    "from 1 ms: crash a member at 'torn', 0 others still hear it, for 2 ms",
  );
});

describe('directed plans and ends', () => {
  it('a secession strikes right at a change of the membership, and the reference bears it', () => {
    const marks = [
      'seceded at a change',
      'joint configuration',
      'leader removed at the end',
    ] as const;
    const reached = new Set<string>();
    for (let seed = 1; seed <= 12; seed++) {
      const outcome = simulate(swarmPlan(`secession ${seed}`, { profile: 'secession' }));
      expect(outcome.violation).toBeUndefined();
      for (const mark of marks) if (outcome.marks[mark] > 0) reached.add(mark);
    }
    expect([...reached].sort()).toEqual([...marks].sort());
  });

  it.each([
    ['reader', ['asked at a rare moment', 'leader struck as it handed over']],
    ['installer', ['leader struck at a delivered snapshot', 'struck as a snapshot was installed']],
    ['powerCut', ['power lost between two writes', 'conflicting tail replaced']],
    ['succession', ['leader struck with a change proposed', 'leader removed at the end']],
  ] as const)('the reference bears the profile %s, which reaches %p', (profile, marks) => {
    const reached = new Set<string>();
    const options = { profile, safetyMs: 5_000, operationsPerSecond: 40 };
    for (let seed = 1; seed <= 12 && (seed <= 3 || reached.size < marks.length); seed++) {
      const outcome = simulate(swarmPlan(`${profile} ${seed}`, options));
      expect(outcome.violation).toBeUndefined();
      for (const mark of marks) if (outcome.marks[mark] > 0) reached.add(mark);
    }
    expect([...reached].sort()).toEqual([...marks].sort());
  });

  it('a follower that no longer hears the leader deposes nobody', () => {
    const drawn = swarmPlan('estranged', { profile: 'uniform', members: 3, faults: [] });
    const member = { ...drawn.options.member, preVote: true, checkQuorum: true };
    const plan = { ...drawn, options: { ...drawn.options, member }, estranged: true };
    const { violation, marks } = simulate(plan);
    expect(violation).toBeUndefined();
    expect(marks['leader and follower estranged']).toBe(1);
  });

  it('a member whose disk fails as it starts takes its failed pages along', () => {
    const plan: Plan = {
      seed: 'mutant 315',
      members: 5,
      options: { ...CALM_OPTIONS, safetyMs: 5_000 },
      faults: [
        { kind: 'diskError', atMs: 1_496, target: 'leader', operation: 'sync', downMs: 3_204 },
        { kind: 'kill', atMs: 1_863, target: 'leader', downMs: 1_796 },
      ],
      operations: [],
    };
    const { violation, marks } = simulate(plan);
    expect(violation).toBeUndefined();
    expect(marks['disk failed']).toBe(1);
  });

  it('a member that finds out after the healing what its disk did before is started again', () => {
    // Fifty writes fill a segment; its removal fails, and the log hears of it at the next append.
    const operations = Array.from({ length: 50 }, (_, i) => {
      return { atMs: 500 + 5 * i, client: 0, kind: 'write', key: 0, member: 1 } as const;
    });
    const member = { ...CALM_OPTIONS.member, snapshotEntries: 10, catchUpEntries: 1 };
    const plan: Plan = {
      seed: 'late',
      members: 3,
      options: { ...CALM_OPTIONS, safetyMs: 1_150, valueBytes: 512, member },
      faults: [{ kind: 'diskError', atMs: 690, target: 3, operation: 'remove', downMs: 5_000 }],
      operations,
    };
    const { violation, marks } = simulate(plan);
    expect(violation).toBeUndefined();
    expect(marks['disk failed']).toBe(1);
  });
});
