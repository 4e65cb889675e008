/**
 * A directed plan for snapshots: the log is short, followers fall behind it again and again, and
 * what goes wrong goes wrong around the installation: chunks that come late, twice or never,
 * another leader in the middle of it, power that fails right before or after, appends from long
 * before it that arrive long after.
 */
import { directedPlan } from './directedPlan';
import type { SwarmOptions } from './draws';
import type { Fault } from './faults';
import type { Plan } from './plan';
import { prng } from './prng';
import type { Prng } from './prng';

/** A moment is waited for so long. */
const WATCH_MS = 2_500;
/** The first leader is elected within this time, and sends the very first entries. */
const FIRST_ENTRIES_MS = 1_200;

export function installerPlan(seed: string, options: SwarmOptions): Plan {
  const random = prng(seed, 'nemesis');
  const members = options.members ?? random.pick([3, 3, 4, 5]);
  const safetyMs = options.safetyMs ?? 8_000;
  const faults = drawFaults(random, members, safetyMs, options.faultsMax ?? 16);
  const syncUsMax = random.pick([500, 2_000, 8_000, 20_000]);
  return directedPlan(seed, options, {
    members,
    safetyMs,
    faults,
    world: {
      valueBytes: random.pick([16, 128, 1_024, 2_048]),
      network: {
        delayUsMax: random.pick([1_000, 5_000]),
        lossPercent: random.pick([0, 0, 5]),
        duplicatePercent: random.pick([0, 10]),
        ordered: random.chance(0.4),
      },
      // A state that is slower than its log has entries waiting when a snapshot comes.
      disk: { syncUsMin: 100, syncUsMax, transactionMs: random.pick([1, 10, 100, 400]) },
      member: {
        preVote: random.chance(0.6),
        snapshotEntries: random.pick([5, 10, 20]),
        catchUpEntries: random.pick([1, 1, 5]),
        snapshotChunkBytes: random.pick([256, 1_024, 16_384]),
        snapshotRetryMs: 100,
        snapshotStallMs: 1_000,
        snapshotHoldBytes: 4_096,
        applyBatchEntries: random.pick([1, 256]),
        maxApplyingBytes: random.pick([1_024, 1024 * 1024]),
      },
    },
    clients: {
      operationsPerSecond: 100,
    },
  });
}

function drawFaults(random: Prng, members: number, safetyMs: number, max: number): Fault[] {
  const faults: Fault[] = [];
  if (random.chance(0.4)) faults.push(...lateFirstEntries(random, members));
  const rounds = Math.min(Math.ceil(max / 4), random.between(1, 4));
  for (let round = 0; round < rounds; round++) {
    const atMs = random.between(1_000, Math.max(1_000, safetyMs - 2_500));
    const laggard = random.between(1, members);
    faults.push(drawLag(random, laggard, atMs), drawStrike(random, atMs));
    if (random.chance(0.5)) faults.push(drawSlowDisk(random, laggard, atMs));
    if (random.chance(0.5)) faults.push(drawLateness(random, laggard, atMs));
  }
  return faults.slice(0, max);
}

/** The oldest entries come again when the log has long left them behind. */
function lateFirstEntries(random: Prng, members: number): Fault[] {
  const copy = random.chance(0.5);
  const forMs = random.between(FIRST_ENTRIES_MS, 4_000);
  const count = random.pick([1, 2, 5]);
  const late = { kind: 'catch', atMs: 10, message: 'append', count, copy, forMs } as const;
  const target = random.between(1, members);
  return [
    { ...late, target },
    { ...late, target: (target % members) + 1 },
  ];
}

/** Long enough for the others to compact what it lacks. */
function drawLag(random: Prng, target: number, atMs: number): Fault {
  const forMs = random.between(200, 1_500);
  switch (random.pick(['cut', 'cut', 'pause', 'crash', 'deposed', 'deposed'] as const)) {
    case 'cut':
      return { kind: 'partition', atMs, shape: 'split', group: [target], forMs };
    case 'pause':
      return { kind: 'pause', atMs, target, forMs };
    case 'crash':
      return { kind: 'crash', atMs, target, downMs: forMs };
    case 'deposed': {
      // An old leader goes on writing what will have to go.
      const moment = random.pick(['appended', 'committed', 'elected'] as const);
      const hunt = { kind: 'hunt', action: 'isolate', reach: 0, forMs: WATCH_MS } as const;
      return { ...hunt, atMs, moment, downMs: forMs };
    }
  }
}

/** What happens in the middle of an installation, and to whom. */
function drawStrike(random: Prng, lagMs: number): Fault {
  const atMs = lagMs + random.between(0, 400);
  const downMs = random.between(100, random.pick([500, 2_000]));
  const hunt = { kind: 'hunt', atMs, downMs, forMs: WATCH_MS } as const;
  switch (random.pick(['leader', 'leader', 'receiver', 'installed', 'interrupt'] as const)) {
    case 'leader': {
      const action = random.pick(['isolate', 'crash', 'handOver', 'handOver'] as const);
      return { ...hunt, moment: 'delivered', action, reach: random.pick([0, 0, 1]) };
    }
    case 'receiver': {
      const action = random.pick(['isolate', 'crash'] as const);
      return { ...hunt, moment: 'installing', action, reach: random.pick([0, 1]) };
    }
    case 'installed':
      return { ...hunt, moment: 'installed', action: 'crash', reach: 0 };
    case 'interrupt':
      return { kind: 'interrupt', atMs, chunks: random.pick([0, 1, 3]), downMs, forMs: WATCH_MS };
  }
}

/** Its log, its snapshot and its state take long to become durable, so they meet other events. */
function drawSlowDisk(random: Prng, target: number, lagMs: number): Fault {
  const atMs = Math.max(500, lagMs - random.between(0, 400));
  const syncMs = random.pick([10, 50, 300, 1_000]);
  return { kind: 'slowDisk', atMs, target, syncMs, forMs: random.between(1_000, 4_000) };
}

function drawLateness(random: Prng, target: number, lagMs: number): Fault {
  return {
    kind: 'catch',
    atMs: Math.max(500, lagMs + random.between(-200, 400)),
    target,
    message: random.pick(['append', 'snapshot', 'snapshot', 'heartbeat']),
    count: random.pick([1, 3]),
    copy: random.chance(0.5),
    forMs: random.between(100, 2_000),
  };
}
