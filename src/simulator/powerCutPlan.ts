/**
 * A directed plan for disks: power fails between two writes of one turn, right around elections,
 * one member after the other within a millisecond; and disks so slow that what two leaders say
 * ends in one sync.
 */
import { drawHunt } from './draws';
import { directedPlan } from './directedPlan';
import type { SwarmOptions } from './draws';
import type { Fault } from './faults';
import { CALM_OPTIONS } from './plan';
import type { Plan } from './plan';
import { prng } from './prng';
import type { Prng } from './prng';

/** A moment is waited for so long. */
const WATCH_MS = 3_000;

export function powerCutPlan(seed: string, options: SwarmOptions): Plan {
  const random = prng(seed, 'nemesis');
  const members = options.members ?? random.pick([3, 5, 5]);
  const safetyMs = options.safetyMs ?? CALM_OPTIONS.safetyMs;
  const faults: Fault[] = [];
  let atMs = random.between(100, 1_000);
  while (atMs < safetyMs - 500 && faults.length < (options.faultsMax ?? 40)) {
    faults.push(...drawRound(random, members, atMs));
    // Bugs hide where one round ends and the next begins.
    atMs += random.between(100, random.pick([500, 1_500]));
  }
  return directedPlan(seed, options, {
    members,
    safetyMs,
    faults: faults.slice(0, options.faultsMax),
    world: {
      valueBytes: random.pick([16, 512]),
      network: {
        delayUsMax: random.pick([1_000, 5_000]),
        // Who misses an election learns of its term and of the first entries of it at once.
        lossPercent: random.pick([0, 10, 30]),
        slowPercent: random.pick([0, 10]),
        slowMsMax: random.pick([20, 100]),
        ordered: random.chance(0.3),
      },
      disk: { syncUsMin: 100, syncUsMax: random.pick([500, 2_000, 8_000]) },
      member: {
        preVote: random.chance(0.3),
      },
    },
    clients: {
      operationsPerSecond: 30,
    },
  });
}

function drawRound(random: Prng, members: number, atMs: number): Fault[] {
  const downMs = random.between(20, random.pick([100, 500, 1_500]));
  const target = random.between(1, members);
  const hunt = { kind: 'hunt', atMs, forMs: WATCH_MS } as const;
  switch (random.pick(['torn', 'torn', 'torn', 'storm', 'slow', 'slow', 'late'] as const)) {
    case 'torn': {
      // Who is not asked for its vote learns of a term by the first entries of its leader.
      const torn = { moment: 'torn', action: 'crash', reach: 0, downMs } as const;
      const missed = { kind: 'catch', atMs, target, message: 'vote', count: 4 } as const;
      const forMs = random.between(600, 1_500);
      return [drawHunt(random, atMs, downMs), { ...missed, forMs }, { ...hunt, ...torn }];
    }
    case 'storm':
      return [
        drawHunt(random, atMs, downMs),
        { kind: 'crash', atMs: atMs + 1, target, downMs },
        { kind: 'crash', atMs: atMs + 2, target: 'leader', downMs },
      ];
    case 'slow': {
      // Long enough for an election while one sync lasts, or while it stands still.
      const forMs = random.between(900, 2_500);
      const isolate = { moment: 'appended', action: 'isolate', reach: 1 } as const;
      const whom = random.pick(['next', 'next', target] as const);
      const slow: Fault = random.chance(0.5)
        ? { kind: 'slowDisk', atMs, target: whom, syncMs: 1_000, forMs }
        : { kind: 'pause', atMs, target: whom, forMs };
      return [slow, { ...hunt, ...isolate, downMs: random.between(600, 3_000) }];
    }
    case 'late': {
      const message = random.pick(['vote', 'voteResponse', 'append', 'appendResponse'] as const);
      const forMs = random.between(5, random.pick([50, 1_000]));
      const copy = random.chance(0.7);
      return [{ kind: 'catch', atMs, target, message, count: 3, copy, forMs }];
    }
  }
}
