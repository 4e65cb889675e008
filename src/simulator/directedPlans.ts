/**
 * Directed plans: a few faults at chosen moments on a cluster that is calm otherwise. They reach
 * states that uniform chaos reaches once in thousands of seeds, and know of no bug.
 */
import { directedPlan } from './directedPlan';
import { CHANGES, drawHunt, drawTarget, SPARES } from './draws';
import type { SwarmOptions } from './draws';
import type { Fault } from './faults';
import { CALM_OPTIONS } from './plan';
import type { Plan } from './plan';
import { prng } from './prng';
import type { Prng } from './prng';

export function hunterPlan(seed: string, options: SwarmOptions): Plan {
  const random = prng(seed, 'nemesis');
  const members = options.members ?? 5;
  const safetyMs = options.safetyMs ?? CALM_OPTIONS.safetyMs;
  const faults: Fault[] = [];
  const count = Math.min(options.faultsMax ?? 16, random.between(4, 16));
  for (let i = 0; i < count; i++) {
    const atMs = random.between(100, Math.max(100, safetyMs - 200));
    faults.push(drawHunt(random, atMs, random.between(50, random.pick([300, 1_000, 2_000]))));
  }
  const delayUsMax = random.pick([1_000, 5_000, 20_000]);
  return directedPlan(seed, options, {
    members,
    safetyMs,
    faults,
    world: {
      network: {
        delayUsMax,
        ordered: random.chance(0.5),
      },
      disk: { syncUsMin: 50, syncUsMax: 200 },
      member: {
        preVote: random.chance(0.5),
        maxMessageBytes: 1,
        maxInflightMessages: 1,
      },
    },
    clients: {
      operationsPerSecond: 10,
    },
  });
}

/** Up to two members can be added, so each round has a pair of changes and one secession. */
export function secessionPlan(seed: string, options: SwarmOptions): Plan {
  const random = prng(seed, 'nemesis');
  const members = options.members ?? random.pick([2, 3, 3, 3, 4]);
  const safetyMs = options.safetyMs ?? 6_000;
  const faults: Fault[] = [];
  const firstMs = random.between(800, 2_000);
  for (const atMs of [firstMs, firstMs + random.between(1_500, 3_000)]) {
    faults.push({
      kind: 'hunt',
      atMs: atMs - 50,
      moment: 'changing',
      action: 'secede',
      reach: random.pick([0, 0, 1]),
      downMs: random.between(600, 2_000),
      forMs: 3_000,
    });
    const pair = [random.pick(['add', 'replace'] as const), random.pick(CHANGES)];
    pair.forEach((change, i) => {
      const target = random.between(1, members);
      faults.push({
        kind: 'membership',
        atMs: atMs + i * random.pick([0, 1, 3, 400]),
        change,
        target,
        asked: 'leader',
        forMs: 0,
      });
    });
    if (random.chance(0.5)) {
      const crash = { atMs: atMs + random.between(5, 600), downMs: random.between(100, 1_000) };
      faults.push({ kind: 'crash', target: drawTarget(random, members), ...crash });
    }
  }
  const plan = directedPlan(seed, options, {
    members,
    safetyMs,
    faults,
    world: {
      network: { ordered: random.chance(0.5) },
      member: {
        preVote: random.chance(0.5),
      },
    },
    clients: {
      operationsPerSecond: 30,
    },
  });
  return { ...plan, spares: SPARES, outsiders: [] };
}

/**
 * A change is in some logs and not committed when the office goes to somebody else, and that one
 * is asked for another change at once. Disks are slow, so that all this takes a while.
 */
export function successionPlan(seed: string, options: SwarmOptions): Plan {
  const random = prng(seed, 'nemesis');
  const members = options.members ?? random.pick([2, 3, 3, 4, 5]);
  const safetyMs = options.safetyMs ?? 8_000;
  const faults: Fault[] = [];
  const rounds = Math.min(Math.ceil((options.faultsMax ?? 16) / 4), random.between(2, 4));
  for (let round = 0; round < rounds; round++) {
    const atMs = random.between(800, Math.max(800, safetyMs - 2_000));
    faults.push(...drawSuccession(random, members, atMs));
  }
  const plan = directedPlan(seed, options, {
    members,
    safetyMs,
    faults,
    world: {
      network: { ordered: random.chance(0.5) },
      disk: { syncUsMin: 200, syncUsMax: random.pick([500, 8_000, 40_000]) },
      member: {
        preVote: random.chance(0.5),
      },
    },
    clients: {
      operationsPerSecond: 30,
    },
  });
  return { ...plan, spares: SPARES, outsiders: [] };
}

function drawSuccession(random: Prng, members: number, atMs: number): Fault[] {
  const change = random.pick(['add', 'addLearner', 'promote', 'remove', 'remove'] as const);
  const target = random.chance(0.3) ? 'leader' : random.between(1, members);
  const asked = random.chance(0.4) ? 'leader' : random.between(1, members);
  const hunt = { kind: 'hunt', atMs, forMs: 2_000, downMs: random.between(300, 1_500) } as const;
  const faults: Fault[] = [
    { kind: 'membership', atMs: atMs + 5, change, target, asked, forMs: 0 },
    {
      ...hunt,
      moment: random.pick(['proposed', 'proposed', 'changing', 'appended']),
      action: random.pick(['isolate', 'isolate', 'crash', 'handOver']),
      reach: random.pick([0, 1, 2, 3]),
    },
  ];
  if (change === 'addLearner') {
    const promoteMs = atMs + random.between(300, 1_000);
    faults.push({
      kind: 'membership',
      atMs: promoteMs,
      change: 'promote',
      target,
      asked: 'leader',
      forMs: 0,
    });
  }
  const rest = random.pick(['change', 'restart', 'none'] as const);
  if (rest === 'change') faults.push({ ...hunt, moment: 'elected', action: 'change', reach: 0 });
  if (rest === 'restart') {
    const crash = { atMs: atMs + random.between(5, 1_500), downMs: random.between(100, 1_000) };
    faults.push({ kind: 'crash', target: drawTarget(random, members), ...crash });
  }
  return faults;
}
