/**
 * Each fault is tested for its effect: what it does to a real cluster, and that healing undoes it.
 */
import fc from 'fast-check';

import { HistoryRecorder } from '../../src/history';
import { Random } from '../random';
import { etcdProcess } from '../targets/etcdProcess';
import { TargetError, type Member, type RunningCluster } from '../target';
import { describeWithEtcd, quickTimings } from '../testing';
import { waitFor } from '../wait';
import { resolveAim } from './aim';
import { missingCapabilities, untilAllFollowOneLeader, type Aim, type Fault } from './fault';
import { allFaults, defaultFaults, faults } from './faults';
import { planNemesis, runNemesis } from './nemesis';

const healed = { limitMs: 15_000 };

function membersOf(count: number): readonly Member[] {
  return Array.from({ length: count }, (_, i) => {
    return { name: `m${i + 1}`, clientUrl: '', pid: i + 1, state: 'running' };
  });
}

/** A cluster that only knows who its members are and who leads. */
function standIn(count: number, leader: string | undefined): RunningCluster {
  return {
    members: () => membersOf(count),
    leader: () => Promise.resolve(leader),
  } as unknown as RunningCluster;
}

describe('an aim', () => {
  it('hits as many members as it says, in the order of the cluster', async () => {
    const counts = { random: 1, leader: 1, follower: 1, minority: 2, majority: 3, all: 5 } as const;
    const entries = Object.entries(counts) as [Aim, number][];
    await fc.assert(
      fc.asyncProperty(fc.string(), fc.constantFrom(...entries), async (seed, [aim, count]) => {
        const hit = await resolveAim(aim, standIn(5, 'm2'), new Random(seed));
        expect(hit).toHaveLength(count);
        expect([...hit].sort()).toEqual(hit);
        expect(new Set(hit).size).toBe(count);
        if (aim === 'leader') expect(hit).toEqual(['m2']);
        if (aim === 'follower') expect(hit).not.toContain('m2');
      }),
    );
  });

  it('depends on the seed alone', async () => {
    const once = await resolveAim('minority', standIn(9, 'm1'), new Random('s'));
    const again = await resolveAim('minority', standIn(9, 'm1'), new Random('s'));
    expect(again).toEqual(once);
  });

  it('refuses a member that does not exist', async () => {
    const aimed = resolveAim({ member: 'm7' }, standIn(3, 'm1'), new Random('s'));
    await expect(aimed).rejects.toThrow('there is no member called m7');
  });
});

describe('a plan of the nemesis', () => {
  const options = fc.record({
    seed: fc.string(),
    count: fc.integer({ min: 1, max: defaultFaults().length }),
    totalMs: fc.integer({ min: 1, max: 300_000 }),
  });

  it('has each fault once before any comes back', () => {
    fc.assert(
      fc.property(options, ({ seed, count, totalMs }) => {
        const chosen = defaultFaults().slice(0, count);
        const plan = planNemesis({ faults: chosen, random: new Random(seed), totalMs });
        expect(plan.length).toBeGreaterThan(0);
        for (let start = 0; start < plan.length; start += count) {
          const round = plan.slice(start, start + count).map(({ fault }) => fault.name);
          expect(new Set(round).size).toBe(round.length);
        }
      }),
    );
  });

  it('fits into its time and is the same for the same seed', () => {
    fc.assert(
      fc.property(options, ({ seed, count, totalMs }) => {
        const chosen = defaultFaults().slice(0, count);
        const make = () => planNemesis({ faults: chosen, random: new Random(seed), totalMs });
        const plan = make();
        const usedMs = plan.reduce((sum, { quietMs, holdMs }) => sum + quietMs + holdMs, 0);
        if (plan.length > 1) expect(usedMs).toBeLessThanOrEqual(totalMs);
        const shape = ({ quietMs, holdMs, fault }: (typeof plan)[number]) =>
          `${quietMs}/${holdMs}/${fault.name}`;
        expect(make().map(shape)).toEqual(plan.map(shape));
      }),
    );
  });

  it('is empty without faults', () => {
    expect(planNemesis({ faults: [], random: new Random('s'), totalMs: 1_000 })).toEqual([]);
  });
});

describe('the faults', () => {
  it('have different names', () => {
    const names = allFaults().map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
  });

  it('say what a target lacks', () => {
    const target = { capabilities: new Set(['kill'] as const) };
    expect(missingCapabilities(faults.kill(), target)).toEqual([]);
    expect(missingCapabilities(faults.partition(), target)).toEqual(['partition']);
  });
});

/** Who still hears whom: the pairs that a fault cuts, as a cluster is asked to cut them. */
async function cutsOf(fault: Fault, count: number, hit: readonly string[]): Promise<Set<string>> {
  const cuts = new Set<string>();
  const cluster = {
    ...standIn(count, 'm1'),
    cut: (from: string, to: string) => Promise.resolve(void cuts.add(`${from}>${to}`)),
  } as unknown as RunningCluster;
  await fault.inject(cluster, hit);
  return cuts;
}

describe('the shape of a partition', () => {
  const counts = fc.integer({ min: 3, max: 9 });

  function heardBy(cuts: ReadonlySet<string>, count: number, name: string): readonly string[] {
    const names = membersOf(count).map((member) => member.name);
    return names.filter((other) => other === name || !cuts.has(`${other}>${name}`));
  }

  it('a ring leaves everybody a majority, and no two the same one', async () => {
    await fc.assert(
      fc.asyncProperty(counts, async (count) => {
        const names = membersOf(count).map(({ name }) => name);
        const cuts = await cutsOf(faults.ring(), count, names);
        const views = names.map((name) => heardBy(cuts, count, name));
        for (const view of views) expect(view.length).toBeGreaterThan(count / 2);
        expect(new Set(views.map((view) => view.join())).size).toBe(count);
      }),
    );
  });

  it('a bridge hears all, and no half hears the other', async () => {
    await fc.assert(
      fc.asyncProperty(counts, async (count) => {
        const cuts = await cutsOf(faults.bridge(), count, ['m2']);
        expect(heardBy(cuts, count, 'm2')).toHaveLength(count);
        const others = membersOf(count)
          .map(({ name }) => name)
          .filter((name) => name !== 'm2');
        const views = new Set(others.map((name) => heardBy(cuts, count, name).join()));
        expect(views.size).toBe(2);
      }),
    );
  });

  it('isolated members hear only themselves', async () => {
    const cuts = await cutsOf(faults.isolate('all'), 3, ['m1', 'm2', 'm3']);
    for (const name of ['m1', 'm2', 'm3']) expect(heardBy(cuts, 3, name)).toEqual([name]);
  });

  it('a partition cuts between two groups only', async () => {
    const cuts = await cutsOf(faults.partition('minority'), 5, ['m1', 'm4']);
    expect(heardBy(cuts, 5, 'm1')).toEqual(['m1', 'm4']);
    expect(heardBy(cuts, 5, 'm2')).toEqual(['m2', 'm3', 'm5']);
  });
});

describe('the nemesis', () => {
  const recorder = () => new HistoryRecorder({ clock: () => 0 });
  const healthy = (more: object): RunningCluster =>
    ({
      ...standIn(3, 'm1'),
      capabilities: new Set(),
      status: () => Promise.resolve({ memberId: 1n, leaderId: 1n }),
      ...more,
    }) as unknown as RunningCluster;

  it('does not count a fault whose aim ran out of time', async () => {
    const abort = new AbortController();
    const cluster = healthy({
      leader: () => {
        abort.abort();
        return Promise.resolve('m1');
      },
    });
    const plan = [{ quietMs: 0, fault: faults.kill('leader'), holdMs: 0 }];
    const [random, { signal }] = [new Random('s'), abort];
    const result = await runNemesis({ cluster, plan, recorder: recorder(), random, signal });
    expect(result.counts.size).toBe(0);
    expect(result.notHealed).toEqual([]);
  });

  it('does not blame the store for what nobody had the patience to see healed', async () => {
    const [abort, patience] = [new AbortController(), new AbortController()];
    const verifyHealed: Fault['verifyHealed'] = (_, __, { signal }) => {
      patience.abort(new Error('enough'));
      return Promise.reject(signal!.reason as Error);
    };
    const fine = { inject: () => Promise.resolve(), heal: () => Promise.resolve() };
    const fault = { ...faults.kill('random'), ...fine, verifyHealed };
    const result = await runNemesis({
      ...{ cluster: healthy({}), plan: [{ quietMs: 0, fault, holdMs: 0 }] },
      ...{ recorder: recorder(), random: new Random('s') },
      ...{ signal: abort.signal, patience: patience.signal },
    });
    expect(result).toMatchObject({ notHealed: [], isUnseen: true });
    expect([...result.counts.values()]).toEqual([1]);
  });

  it('calls what the store has no means for impossible, once, and goes on', async () => {
    const impossible = (): never => {
      throw new TargetError('notCapable', 'the store has no such thing');
    };
    const never = { ...faults.kill('random'), name: 'never', inject: impossible };
    const fine = { ...faults.kill('random'), name: 'fine', inject: () => Promise.resolve() };
    const plan = [never, fine, never].map((fault) => {
      return { quietMs: 0, holdMs: 0, fault: { ...fault, heal: () => Promise.resolve() } };
    });
    const cluster = healthy({});
    const result = await runNemesis({
      ...{ cluster, plan, recorder: recorder(), random: new Random('s') },
    });
    expect(Object.fromEntries(result.counts)).toEqual({ fine: 1 });
    expect(Object.fromEntries(result.impossible)).toEqual({ never: 'the store has no such thing' });
    expect(result.notHealed).toEqual([]);
  });
});

describeWithEtcd('faults on a cluster of etcd processes', () => {
  let cluster: RunningCluster;
  const names = ['m1', 'm2', 'm3'];

  beforeAll(async () => {
    cluster = await etcdProcess(quickTimings).start();
  });

  afterAll(() => cluster[Symbol.asyncDispose]());

  afterEach(() => untilAllFollowOneLeader(cluster, healed));

  async function during(fault: Fault, hit: readonly string[], effect: () => Promise<void>) {
    await fault.inject(cluster, hit);
    try {
      await effect();
    } finally {
      await fault.heal(cluster, hit);
      await fault.verifyHealed(cluster, hit, healed);
    }
    for (const name of names) await cluster.status(name, 2_000);
  }

  /** A leader other than the given one, as the other members see it. */
  async function otherLeader(than: string): Promise<string> {
    return waitFor(
      async () => {
        const leader = await cluster.leader(200);
        return leader === than ? undefined : leader;
      },
      { what: `a leader other than ${than}`, limitMs: 10_000 },
    );
  }

  it('a killed member is gone and comes back with its identity', async () => {
    const before = await cluster.status('m1');
    await during(faults.kill('random'), ['m1'], async () => {
      expect(cluster.members()[0]).toMatchObject({ state: 'down', pid: undefined });
      await expect(cluster.status('m1', 500)).rejects.toThrow(/unavailable/);
    });
    expect((await cluster.status('m1')).memberId).toBe(before.memberId);
    expect(cluster.unexpectedExits()).toEqual([]);
  });

  it('a stopped member is gone and comes back', async () => {
    await during(faults.stop('random'), ['m2'], async () => {
      await expect(cluster.status('m2', 500)).rejects.toThrow(/unavailable/);
    });
  });

  it('a paused leader does not answer, is replaced, and follows when it wakes up', async () => {
    const [leader] = await resolveAim('leader', cluster, new Random('s'));
    await during(faults.pause('leader'), [leader!], async () => {
      await expect(cluster.status(leader!, 200)).rejects.toThrow(/deadline/i);
      await otherLeader(leader!);
    });
    expect(await cluster.leader()).not.toBe(leader);
  });

  it('a leader that is cut off still answers clients but is replaced', async () => {
    const leader = (await cluster.leader())!;
    await during(faults.partition('leader'), [leader], async () => {
      const elected = await otherLeader(leader);
      const { raftTerm } = await cluster.status(leader);
      expect((await cluster.status(elected)).raftTerm).toBeGreaterThan(raftTerm);
    });
  });

  it('a leader whose messages are lost is replaced', async () => {
    const leader = (await cluster.leader())!;
    await during(faults.mute('leader'), [leader], async () => {
      await otherLeader(leader);
    });
  });

  it('the nemesis records each phase and leaves a cluster that works', async () => {
    let time = 0;
    const recorder = new HistoryRecorder({ clock: () => (time += 1) });
    const plan = [
      { quietMs: 0, fault: faults.kill('minority'), holdMs: 50 },
      { quietMs: 0, fault: faults.pause('majority'), holdMs: 50 },
    ];
    const random = new Random('s');
    const result = await runNemesis({ cluster, plan, recorder, random });
    expect(Object.fromEntries(result.counts)).toEqual({ 'kill minority': 1, 'pause majority': 1 });
    expect(result.notHealed).toEqual([]);
    const phases = ['inject', 'injected', 'heal', 'healed'];
    const records = recorder.history().faults;
    expect(records.map(({ phase }) => phase)).toEqual([...phases, ...phases]);
    expect(records.map(({ targets }) => targets.length)).toEqual([1, 1, 1, 1, 2, 2, 2, 2]);
  });

  it('the nemesis heals what it did when it is aborted in the middle of a fault', async () => {
    const recorder = new HistoryRecorder({ clock: () => 0 });
    const plan = [
      { quietMs: 0, fault: faults.kill('majority'), holdMs: 60_000 },
      { quietMs: 60_000, fault: faults.kill('all'), holdMs: 60_000 },
    ];
    const abort = new AbortController();
    const random = new Random('s');
    const running = runNemesis({ cluster, plan, recorder, random, signal: abort.signal });
    await waitFor(
      () => (recorder.history().faults.at(-1)?.phase === 'injected' ? true : undefined),
      { what: 'the fault to be injected', limitMs: 10_000 },
    );
    abort.abort();
    expect((await running).notHealed).toEqual([]);
    expect(cluster.members().every(({ state }) => state === 'running')).toBe(true);
    expect(recorder.history().faults.at(-1)?.phase).toBe('healed');
  });
});
