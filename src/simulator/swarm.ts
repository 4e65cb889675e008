/**
 * Swarm testing: a seed first draws *which classes of faults are off*, then sizes and rates, and
 * only then the schedule itself. Runs with everything on look alike; runs with parts switched off
 * go deep in what is left (Groce et al., ISSTA 2012). The draw is printed in one line.
 */
import { hunterPlan, secessionPlan, successionPlan } from './directedPlans';
import { CHANGES, drawAsk, drawHunt, drawOperations, drawTarget, SPARES } from './draws';
import type { SwarmOptions, SwarmProfile } from './draws';
import { installerPlan } from './installerPlan';
import { CALM_OPTIONS } from './plan';
import type { Fault, FaultKind, PartitionShape } from './faults';
import type { Outsider, Plan, PlannedWatcher, SimulationOptions } from './plan';
import { powerCutPlan } from './powerCutPlan';
import { prng } from './prng';
import type { Prng } from './prng';
import { readerPlan } from './readerPlan';

/** Relative frequency of each class among the faults of one schedule. */
const WEIGHTS: Readonly<Record<FaultKind, number>> = {
  crash: 4,
  kill: 1,
  partition: 4,
  pause: 2,
  hold: 2,
  hunt: 3,
  powerLoss: 1,
  disturb: 1,
  slowDisk: 1,
  diskError: 1,
  diskFull: 1,
  damage: 1,
  clock: 1,
  catch: 2,
  transfer: 2,
  interrupt: 2,
  membership: 3,
  ask: 2,
};

const KINDS = Object.keys(WEIGHTS) as FaultKind[];
const SHAPES: readonly PartitionShape[] = [
  'split',
  'split',
  'outbound',
  'inbound',
  'bridge',
  'ring',
];
const DISK_OPERATIONS = ['append', 'sync', 'sync', 'create', 'rename', 'remove'] as const;
const CAUGHT_MESSAGES = [
  'append',
  'append',
  'appendResponse',
  'vote',
  'voteResponse',
  'heartbeat',
  'snapshot',
] as const;
const OUTSIDER_LINKS = ['down', 'cut', 'inbound', 'outbound', 'bridge'] as const;

/** Shares of the seeds with a plan of their own; all others are uniform. */
const DIRECTED: readonly {
  readonly profile: Exclude<SwarmProfile, 'uniform'>;
  readonly share: number;
  readonly plan: (seed: string, options: SwarmOptions) => Plan;
}[] = [
  { profile: 'hunter', share: 0.12, plan: hunterPlan },
  { profile: 'secession', share: 0.06, plan: secessionPlan },
  { profile: 'succession', share: 0.06, plan: successionPlan },
  { profile: 'reader', share: 0.08, plan: readerPlan },
  { profile: 'installer', share: 0.1, plan: installerPlan },
  { profile: 'powerCut', share: 0.08, plan: powerCutPlan },
];

/** Of the seeds where it makes sense. */
const ESTRANGED_SHARE = 0.3;
const LEADER_OUTSIDE_SHARE = 0.25;

/** The plan of a seed: same seed and options, same plan. */
export function swarmPlan(seed: string, options: SwarmOptions = {}): Plan {
  const random = prng(seed, 'swarm');
  const profile = options.profile ?? profileOf(random.unit());
  const directed = DIRECTED.find((candidate) => candidate.profile === profile);
  if (directed !== undefined) return ended(directed.plan(seed, options));
  const members = options.members ?? random.pick([1, 2, 3, 3, 3, 3, 3, 4, 5, 5, 5, 5]);
  const drawn = drawOptions(random, options.leaseReads);
  const simulation = {
    ...drawn,
    safetyMs: options.safetyMs ?? drawn.safetyMs,
    network: { ...drawn.network, ...options.network },
    member: { ...drawn.member, ...options.member },
  };
  const faults = drawFaults(prng(seed, 'nemesis'), members, simulation.safetyMs, options);
  const changes = faults.some(({ kind }) => kind === 'membership');
  return {
    seed,
    members,
    options: simulation,
    // What is damaged for good is budgeted by the members there are: not while these change.
    faults: changes ? faults.filter(({ kind }) => kind !== 'damage') : faults,
    ...(changes && { spares: SPARES }),
    operations: drawOperations(prng(seed, 'workload'), members, simulation.safetyMs, options),
    watchers: drawWatchers(prng(seed, 'watching'), members, simulation.safetyMs),
    ...(changes ? { outsiders: [] } : drawClosing(prng(seed, 'outsiders'), members, simulation)),
  };
}

/** A directed plan has watchers too, and ends as a uniform one does, unless it knows better. */
function ended(plan: Plan): Plan {
  const { seed, members, options, spares } = plan;
  const watchers = drawWatchers(prng(seed, 'watching'), members, options.safetyMs);
  if (spares !== undefined) return { ...plan, watchers };
  return { ...plan, watchers, ...drawClosing(prng(seed, 'outsiders'), members, options) };
}

function profileOf(roll: number): SwarmProfile {
  let left = roll;
  for (const { profile, share } of DIRECTED) {
    if (left < share) return profile;
    left -= share;
  }
  return 'uniform';
}

function drawClosing(random: Prng, members: number, options: SimulationOptions) {
  const outsiders = drawOutsiders(random, members, options);
  const mayEstrange = members >= 3 && isProtected(options);
  return { outsiders, ...(mayEstrange && random.chance(ESTRANGED_SHARE) && { estranged: true }) };
}

/** Without these two, whoever is half cut off may keep the others busy for ever, and rightly so. */
function isProtected({ member }: SimulationOptions): boolean {
  return member.preVote !== false && member.checkQuorum !== false;
}

/** The configuration of a plan in one line: sizes, rates, and which classes of faults it has. */
export function describeSwarm(plan: Plan): string {
  const { network, disk, clock, member } = plan.options;
  const { outsiders = [] } = plan;
  const kinds = KINDS.filter((kind) => plan.faults.some((fault) => fault.kind === kind));
  return [
    `members=${plan.members}`,
    `loss=${network.lossPercent}%`,
    `dup=${network.duplicatePercent}%`,
    `slow=${network.slowPercent}%`,
    `order=${network.ordered ? 'kept' : 'free'}`,
    `sync=${disk.syncUsMin}-${disk.syncUsMax}us`,
    `drift=${clock.driftPercent}%`,
    `preVote=${member.preVote === false ? 'off' : 'on'}`,
    `reads=${member.leaseReads === true ? 'lease' : 'quorum'}`,
    `checkQuorum=${member.checkQuorum === false ? 'off' : 'on'}`,
    `snapshot=${member.snapshotEntries ?? 'default'}`,
    `message=${member.maxMessageBytes ?? 'default'}`,
    `faults=${plan.faults.length}(${kinds.join('+') || 'none'})`,
    `operations=${plan.operations.length}`,
    `watchers=${plan.watchers?.length ?? 0}`,
    `outsiders=${outsiders.map(describeOutsider).join('+') || 'none'}`,
    `estranged=${plan.estranged === true ? 'yes' : 'no'}`,
  ].join(' ');
}

function describeOutsider({ member, link }: Outsider): string {
  return `${member === 'leader' ? member : `n${member}`}:${link}`;
}

function drawOptions(random: Prng, leaseReads = random.chance(0.2)): SimulationOptions {
  const half = (): boolean => random.chance(0.5);
  const snapshots = half();
  const delayUsMax = random.pick([500, 1_000, 3_000, 10_000]);
  const syncUsMax = random.pick([200, 500, 2_000, 8_000]);
  return {
    ...CALM_OPTIONS,
    valueBytes: random.pick([8, 16, 64, 512]),
    network: {
      delayUsMin: random.pick([50, 200, 500]),
      delayUsMax,
      lossPercent: half() ? 0 : random.pick([1, 3, 7, 15]),
      duplicatePercent: half() ? 0 : random.pick([1, 3, 10]),
      slowPercent: half() ? 0 : random.pick([1, 5]),
      slowMsMax: random.pick([20, 100, 600]),
      ordered: half(),
    },
    disk: { syncUsMin: Math.min(100, syncUsMax), syncUsMax },
    // A lease allows for 10 % between two clocks, those of a clock fault included.
    clock: { driftPercent: half() ? 0 : leaseReads ? 1 : random.pick([1, 5]) },
    member: {
      tickMs: 50,
      heartbeatTicks: 1,
      electionTicks: random.pick([5, 10]),
      preVote: random.chance(0.8),
      checkQuorum: leaseReads || random.chance(0.8),
      ...(leaseReads && { leaseReads }),
      ...(snapshots && {
        snapshotEntries: random.pick([10, 50, 200]),
        catchUpEntries: random.pick([1, 10, 50]),
        snapshotChunkBytes: random.pick([256, 1024, 65536]),
        snapshotRetryMs: 100,
        snapshotStallMs: 1_000,
        snapshotHoldBytes: 4_096,
      }),
      maxMessageBytes: random.pick([1, 256, 65536, 1024 * 1024]),
      maxInflightMessages: random.pick([1, 4, 256]),
      applyBatchEntries: random.pick([1, 16, 256]),
      maxUncommittedBytes: random.pick([4_096, 1024 * 1024]),
      maxApplyingBytes: random.pick([64, 1024, 1024 * 1024]),
      requestTimeoutMs: 3_000,
    },
  };
}

function drawFaults(
  random: Prng,
  members: number,
  safetyMs: number,
  options: SwarmOptions,
): Fault[] {
  const allowed = options.faults ?? KINDS;
  const share = random.pick([0.1, 0.2, 0.4, 0.7]);
  const on = KINDS.filter((kind) => allowed.includes(kind) && random.chance(share));
  if (on.length === 0) return [];
  const bag = on.flatMap((kind) => new Array<FaultKind>(WEIGHTS[kind]).fill(kind));
  const count = random.between(1, options.faultsMax ?? 16);
  const faults: Fault[] = [];
  let endMs = 0;
  for (let i = 0; i < count; i++) {
    // Bugs hide where one fault ends and the next begins.
    const chained = endMs > 0 && endMs < safetyMs && random.chance(0.4);
    const atMs = chained ? endMs : random.between(200, Math.max(200, safetyMs - 200));
    const fault = drawFault(random, random.pick(bag), members, atMs);
    faults.push(fault);
    endMs = atMs + ('downMs' in fault ? fault.downMs : fault.forMs) + random.between(-20, 40);
  }
  return faults.sort((a, b) => a.atMs - b.atMs);
}

function drawFault(random: Prng, kind: FaultKind, members: number, atMs: number): Fault {
  const target = drawTarget(random, members);
  const forMs = random.between(50, random.pick([500, 2_000, 4_000]));
  switch (kind) {
    case 'crash':
    case 'kill':
      return { kind, atMs, target, downMs: forMs };
    case 'powerLoss':
      return { kind, atMs, downMs: forMs };
    case 'pause':
      return { kind, atMs, target, forMs };
    case 'partition': {
      const size = random.between(1, Math.max(1, members >> 1));
      const group = Array.from({ length: size }, () => drawTarget(random, members));
      // Long enough for the others to elect somebody else.
      const longMs = random.between(300, 3_000);
      return { kind, atMs, shape: random.pick(SHAPES), group, forMs: longMs };
    }
    case 'hold':
      return { kind, atMs, target, direction: random.pick(['from', 'to', 'both']), forMs };
    case 'disturb': {
      const lossPercent = random.pick([5, 20, 50]);
      return { kind, atMs, lossPercent, duplicatePercent: random.pick([0, 5, 30]), forMs };
    }
    case 'slowDisk':
      return { kind, atMs, target, syncMs: random.pick([10, 50, 300]), forMs };
    case 'hunt':
      return drawHunt(random, atMs, forMs);
    case 'ask':
      return drawAsk(random, atMs, forMs);
    case 'diskError':
      return { kind, atMs, target, operation: random.pick(DISK_OPERATIONS), downMs: forMs };
    case 'diskFull':
      return { kind, atMs, target, freeBytes: random.pick([0, 100, 2_000]), forMs };
    case 'damage': {
      const how = random.pick(['flip', 'misdirect'] as const);
      return { kind, atMs, target, how, place: random.unit(), downMs: forMs };
    }
    case 'clock': {
      // Leases allow for a drift of 10 %; two members may be off in opposite directions.
      const ratePercent = random.pick([0, 3, -3]);
      const jumpMs = random.pick([-60_000, -500, 500, 3_600_000]);
      return { kind, atMs, target, ratePercent, jumpMs, strobeMs: random.pick([0, 20]), forMs };
    }
    case 'catch':
      return {
        kind,
        atMs,
        target,
        message: random.pick(CAUGHT_MESSAGES),
        count: random.pick([1, 1, 2, 5]),
        ...(random.chance(0.3) && { copy: true }),
        forMs,
      };
    case 'transfer':
      return { kind, atMs, target: random.between(1, members), forMs: 0 };
    case 'membership': {
      const change = random.pick(CHANGES);
      return { kind, atMs, change, target, asked: random.between(1, members), forMs: 0 };
    }
    case 'interrupt':
      return { kind, atMs, chunks: random.pick([0, 1, 3]), downMs: forMs, forMs: 3_000 };
  }
}

function drawWatchers(random: Prng, members: number, safetyMs: number): PlannedWatcher[] {
  const count = random.pick([0, 0, 1, 2, 4]);
  return Array.from({ length: count }, () => ({
    atMs: random.below(Math.max(1, safetyMs >> 1)),
    member: random.between(1, members),
    ...(random.chance(0.5) && { key: random.below(3) }),
    from: random.pick(['now', 'first', 'future'] as const),
    takeMs: random.pick([0, 0, 20, 200]),
    reconnectMs: random.pick([0, 300, 1_500]),
  }));
}

/** A minority that stays faulty for a while; with bridges only where they are no majority. */
function drawOutsiders(random: Prng, members: number, options: SimulationOptions): Outsider[] {
  if (members < 3 || random.chance(0.6)) return [];
  const count = random.between(1, (members - 1) >> 1);
  const ids = Array.from({ length: members }, (_, i) => i + 1);
  let bridges = members >= 5 ? 1 : 0;
  const ofLeader = isProtected(options) && random.chance(LEADER_OUTSIDE_SHARE);
  return Array.from({ length: count }, (_, i): Outsider => {
    if (ofLeader && i === 0) {
      return { member: 'leader', link: random.pick(['outbound', 'inbound', 'cut'] as const) };
    }
    const member = ids.splice(random.below(ids.length), 1)[0]!;
    let link = isProtected(options)
      ? random.pick(OUTSIDER_LINKS)
      : random.pick(['down', 'cut'] as const);
    if (link === 'bridge' && bridges-- <= 0) link = 'cut';
    return { member, link };
  });
}
