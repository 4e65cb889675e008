import { CALM_OPTIONS, shrinkPlan, swarmPlan } from '.';
import type { Plan } from '.';

function planWith(faults: Plan['faults'], operations: Plan['operations']): Plan {
  return { seed: 's', members: 3, options: CALM_OPTIONS, faults, operations };
}

const crash = (atMs: number) => ({ kind: 'crash', atMs, target: 1, downMs: 10 }) as const;
const read = (atMs: number, client: number) =>
  ({ atMs, client, kind: 'read', key: 0, member: 1 }) as const;

const many = planWith(
  Array.from({ length: 14 }, (_, i) => crash(100 * i)),
  Array.from({ length: 200 }, (_, i) => read(10 * i, i)),
);

describe('the shrinker', () => {
  it('keeps only the faults and operations that the failure needs', () => {
    const fails = ({ faults, operations }: Plan): boolean =>
      faults.some(({ atMs }) => atMs === 300) &&
      faults.some(({ atMs }) => atMs === 900) &&
      operations.some(({ client }) => client === 77);
    const { plan, complete } = shrinkPlan(many, { fails });
    expect(complete).toBe(true);
    expect(plan.faults.map(({ atMs }) => atMs)).toEqual([300, 900]);
    expect(plan.operations.map(({ client }) => client)).toEqual([77]);
  });

  it('calms the devices that have nothing to do with the failure', () => {
    const wild = swarmPlan('wild', { profile: 'uniform' });
    const { plan } = shrinkPlan(wild, { fails: (smaller) => smaller.members === wild.members });
    expect(plan.options.network).toEqual(CALM_OPTIONS.network);
    expect(plan.options.member).toEqual(CALM_OPTIONS.member);
    expect(plan.faults).toEqual([]);
    expect(plan.operations).toEqual([]);
  });

  it('answers a plan that still fails when its time is over', () => {
    const fails = ({ faults }: Plan): boolean => faults.length >= 3;
    let runs = 0;
    const { plan, complete } = shrinkPlan(many, { fails, mayGoOn: () => ++runs < 6 });
    expect(complete).toBe(false);
    expect(fails(plan)).toBe(true);
  });

  it('spends no more runs than it may', () => {
    const { runs } = shrinkPlan(many, { fails: () => true, runsMax: 10 });
    expect(runs).toBeLessThanOrEqual(10);
  });
});

describe('a swarm', () => {
  it('draws the same plan from the same seed', () => {
    expect(swarmPlan('7')).toEqual(swarmPlan('7'));
    expect(swarmPlan('7')).not.toEqual(swarmPlan('8'));
  });

  it('switches whole classes of faults off in some seeds, and all of them in a few', () => {
    const plans = Array.from({ length: 200 }, (_, i) => swarmPlan(String(i)));
    const without = (kind: string) =>
      plans.filter(({ faults }) => faults.every((fault) => fault.kind !== kind)).length;
    for (const kind of ['crash', 'partition', 'pause', 'hold', 'hunt', 'powerLoss']) {
      expect(without(kind)).toBeGreaterThan(40);
      expect(without(kind)).toBeLessThan(200);
    }
    expect(plans.some(({ faults }) => faults.length === 0)).toBe(true);
  });
});
