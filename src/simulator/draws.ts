/** What all plans of a swarm draw: what may be asked of it, whom a fault hits, who asks what. */
import type { Fault, FaultKind, FaultTarget, HuntMoment } from './faults';
import type { MemberPlan, NetworkPlan, PlannedKind, PlannedOperation } from './plan';
import type { Prng } from './prng';

/**
 * `uniform`: faults at random times. `hunter`: leaders are taken down at rare moments only, on a
 * slow network that carries one entry a message, so that logs diverge in all the ways they can.
 * `secession`: changes of the membership come in pairs, and right when a leader puts one into
 * force it is cut off from the founders, together with those that were added. `succession`:
 * changes of the membership under way while one leader follows another. `reader`: clients read
 * everywhere right when an office changes hands. `installer`: followers lag again and again behind
 * a log that is short, and leaders change while snapshots are on their way. `powerCut`: power
 * fails between two writes of one turn, around elections.
 */
export type SwarmProfile =
  'uniform' | 'hunter' | 'secession' | 'succession' | 'reader' | 'installer' | 'powerCut';

/** What may be asked of a swarm; a missing field is drawn from the seed. */
export interface SwarmOptions {
  readonly profile?: SwarmProfile;
  readonly members?: number;
  readonly safetyMs?: number;
  readonly operationsPerSecond?: number;
  /** Keys that clients write to. */
  readonly keys?: number;
  /** Reads by a lease of the leader. Default: in some seeds. */
  readonly leaseReads?: boolean;
  /** Fault classes that may be drawn. Default: all. */
  readonly faults?: readonly FaultKind[];
  /** Faults in the schedule, at most. Default 16. */
  readonly faultsMax?: number;
  /** Take the place of what is drawn. */
  readonly network?: Partial<NetworkPlan>;
  readonly member?: Partial<MemberPlan>;
}

/** Members that may be added where the membership changes. */
export const SPARES = 2;

export const CHANGES = ['add', 'addLearner', 'promote', 'promote', 'remove', 'replace'] as const;

const MOMENTS: readonly HuntMoment[] = ['elected', 'appended', 'oldTail', 'unsynced', 'unsynced'];

export function drawHunt(random: Prng, atMs: number, downMs: number): Fault {
  const moment = random.pick(MOMENTS);
  return {
    kind: 'hunt',
    atMs,
    moment,
    action: moment === 'unsynced' ? 'crash' : random.pick(['crash', 'isolate']),
    reach: random.pick([0, 1, 1, 2, 4]),
    downMs,
    forMs: 3_000,
  };
}

/** Somebody asks at a moment that may tell an old leader from a new one. */
export function drawAsk(random: Prng, atMs: number, forMs: number): Fault {
  const moment = random.pick(['elected', 'elected', 'elected', 'committed', 'leaving'] as const);
  const rounds = random.pick([0, 2, 4, 8]);
  const everyMs = random.pick([1, 3, 10, 30]);
  return { kind: 'ask', atMs, moment, key: random.below(2), rounds, everyMs, forMs };
}

export function drawTarget(random: Prng, members: number): FaultTarget {
  if (random.chance(0.5)) return 'leader';
  return random.chance(0.2) ? 'follower' : random.between(1, members);
}

export function drawOperations(
  random: Prng,
  members: number,
  safetyMs: number,
  options: SwarmOptions,
): PlannedOperation[] {
  const rate = options.operationsPerSecond ?? random.pick([10, 30, 100]);
  const count = Math.round((rate * safetyMs) / 1000);
  const clients = random.pick([2, 5, 10]);
  const drawnKeys = random.pick([1, 3, 10]);
  const keys = options.keys ?? drawnKeys;
  const kinds = random.pick<readonly PlannedKind[]>([
    ['read', 'write'],
    ['read', 'write', 'write', 'cas'],
    ['read', 'write', 'delete', 'cas', 'serializableRead'],
    ['read', 'write', 'write', 'delete', 'cas', 'pastRead', 'pastTxn', 'compact'],
  ]);
  const operations: PlannedOperation[] = [];
  for (let i = 0; i < count; i++) {
    operations.push({
      atMs: random.below(safetyMs),
      client: random.below(clients),
      kind: random.pick(kinds),
      key: random.below(keys),
      member: random.between(1, members),
    });
  }
  return operations.sort((a, b) => a.atMs - b.atMs);
}
