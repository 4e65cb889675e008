/**
 * A directed plan for reads: right when an office changes hands, by a transfer, an election or a
 * lease that runs out, a client writes to the new leader and others read from every member, the
 * old leader included, which may be cut off and not know it.
 */
import { directedPlan } from './directedPlan';
import type { SwarmOptions } from './draws';
import type { Fault } from './faults';
import { CALM_OPTIONS } from './plan';
import type { Plan } from './plan';
import { prng } from './prng';
import type { Prng } from './prng';

/** A moment is waited for so long. */
const WATCH_MS = 1_500;

export function readerPlan(seed: string, options: SwarmOptions): Plan {
  const random = prng(seed, 'nemesis');
  const members = options.members ?? random.pick([3, 3, 5]);
  const safetyMs = options.safetyMs ?? CALM_OPTIONS.safetyMs;
  const leaseReads = options.leaseReads ?? random.chance(0.5);
  const faults: Fault[] = [];
  const rounds = Math.min(Math.ceil((options.faultsMax ?? 15) / 3), random.between(2, 5));
  for (let round = 0; round < rounds; round++) {
    const atMs = random.between(600, Math.max(600, safetyMs - 1_500));
    faults.push(...drawSuccession(random, atMs), drawReads(random, atMs));
  }
  const syncUsMax = random.pick([500, 2_000, 8_000]);
  return directedPlan(seed, options, {
    members,
    safetyMs,
    faults,
    world: {
      network: {
        delayUsMax: random.pick([1_000, 3_000, 10_000]),
        ordered: random.chance(0.5),
      },
      disk: { syncUsMin: 100, syncUsMax },
      // A lease allows for 10 % between two clocks.
      clock: { driftPercent: random.pick([0, 0, 4]) },
      member: {
        electionTicks: random.pick([5, 10]),
        preVote: random.chance(0.8),
        ...(leaseReads && { leaseReads }),
      },
    },
    clients: {
      operationsPerSecond: 50,
      keys: random.pick([1, 2]),
    },
  });
}

/** How the leader loses its office: taken from it, or handed over and then cut off. */
function drawSuccession(random: Prng, atMs: number): Fault[] {
  const hunt = { kind: 'hunt', atMs, forMs: WATCH_MS, downMs: random.between(300, 2_000) } as const;
  if (random.chance(0.5)) {
    const moment = random.pick(['committed', 'committed', 'appended', 'elected'] as const);
    const action = random.pick(['isolate', 'isolate', 'crash'] as const);
    return [{ ...hunt, moment, action, reach: random.pick([0, 0, 1]) }];
  }
  const moment = random.pick(['committed', 'appended'] as const);
  const transfer = { ...hunt, moment, action: 'handOver', reach: random.between(0, 3) } as const;
  if (random.chance(0.3)) return [transfer];
  return [transfer, { ...hunt, moment: 'leaving', action: 'isolate', reach: random.pick([0, 1]) }];
}

function drawReads(random: Prng, atMs: number): Fault {
  return {
    kind: 'ask',
    // The leader that loses its office was elected before.
    atMs: atMs + 1,
    moment: random.pick(['elected', 'elected', 'elected', 'leaving']),
    key: random.below(2),
    rounds: random.pick([0, 4, 8]),
    everyMs: random.pick([1, 5, 20]),
    forMs: WATCH_MS + 500,
  };
}
