/**
 * Decides registers in which no value is written twice, in O(n log n), at any concurrency.
 *
 * Gibbons and Korach, "Testing shared memories" (SIAM J. Comput. 26, 1997): a write and the reads
 * of its value form a cluster, which no other cluster may interrupt. A successful cas ties the
 * cluster of the value it found to that of the value it left, so clusters chain into *blocks*
 * whose inner order is given. Let f be the earliest return in a block and s its latest call. Block
 * A must precede B iff f(A) < s(B). With f < s the block fills the time from f to s (a forward
 * zone), else it fits into any moment of [s, f] (a backward zone); an order exists iff no two
 * forward zones overlap, no backward zone lies inside a forward one and every block is possible
 * in itself. Writes of unknown outcome count when their value was seen, else they are left out.
 *
 * A failed cas only tells which value was *not* there. The order found is tried with them; if
 * they do not fit into it the search has to look for another.
 */

import type { Operation } from '../src/history';
import type { Decider, Part } from './checker/decider';
import { refusal } from './checker/refusal';
import type { Conflict } from './checker/refusal';
import { insertObservers } from './registerInsertion';
import { casOf, registerValue } from './registerValue';
import type { RegisterValue } from './registerValue';

/** The operations on one value: its writer first, then those that saw it. */
interface Cluster {
  readonly value: RegisterValue;
  /** Index of the writer; -1 for the initial value. */
  writer: number;
  readonly readers: number[];
  /** The cas that replaced the value; -1 when none did. */
  successor: number;
}

interface Block {
  readonly clusters: readonly Cluster[];
  /** Indexes of its operations in their only order. */
  readonly order: readonly number[];
  /** The earliest return and the latest call, and who made them. */
  readonly f: number;
  readonly first: number;
  readonly s: number;
  readonly last: number;
}

const method = 'zones';
const nobody = -1;

export function zones(initial: RegisterValue, describe: (operation: Operation) => string): Decider {
  return (part) => {
    const clusters = collectClusters(part, initial);
    if (clusters === undefined) return undefined;
    if ('why' in clusters) return refusal(method, part, clusters, describe);
    const blocks = chain(part, clusters, initial);
    if ('why' in blocks) return refusal(method, part, blocks, describe);
    const conflict = innerConflict(part, blocks, describe) ?? overlap(part, blocks, describe);
    if (conflict !== undefined) return refusal(method, part, conflict, describe);
    const order = insertObservers(part, initial, arrange(blocks));
    if (order === undefined) return undefined;
    return { verdict: 'ok', method, order: order.map((i) => part.operations[i]!) };
  };
}

/** The value that an operation leaves; undefined when it changes nothing. */
function writtenBy(operation: Operation): RegisterValue | undefined {
  if (operation.f === 'read' || operation.outcome === 'fail') return undefined;
  if (operation.f === 'write') return registerValue(operation.input);
  const [from, to] = casOf(operation);
  return from === to ? undefined : to;
}

/** Undefined when a value is written twice or was never written (the pre-check names that). */
function collectClusters(
  part: Part,
  initial: RegisterValue,
): ReadonlyMap<RegisterValue, Cluster> | Conflict | undefined {
  const { operations } = part;
  const clusters = new Map<RegisterValue, Cluster>();
  const enter = (value: RegisterValue, writer: number): void => {
    clusters.set(value, { value, writer, readers: [], successor: nobody });
  };
  enter(initial, nobody);
  for (let i = 0; i < operations.length; i++) {
    const value = writtenBy(operations[i]!);
    if (value === undefined) continue;
    if (clusters.has(value)) return undefined;
    enter(value, i);
  }
  for (let i = 0; i < operations.length; i++) {
    const { f, outcome, output } = operations[i]!;
    if (f === 'write' || outcome !== 'ok') continue;
    const [seen, left] = f === 'read' ? [registerValue(output), undefined] : casOf(operations[i]!);
    const cluster = clusters.get(seen);
    if (cluster === undefined) return undefined;
    if (left === undefined || left === seen) {
      cluster.readers.push(i);
    } else if (cluster.successor === nobody) {
      cluster.successor = i;
    } else {
      const why =
        `${shown(seen)} is written once, but another cas ` +
        `by process ${operations[cluster.successor]!.process} replaced it already`;
      return { culprit: i, involved: [cluster.successor, i], why };
    }
  }
  return settleUnknown(part, clusters);
}

/** Drops unknown changes that nobody saw; those that somebody saw took place. */
function settleUnknown(
  { operations }: Part,
  clusters: Map<RegisterValue, Cluster>,
): Map<RegisterValue, Cluster> | Conflict | undefined {
  // A cas that is seen to have happened makes the value it found seen too: follow such chains.
  const isSeen = ({ readers, successor }: Cluster): boolean =>
    readers.length > 0 || successor !== nobody;
  const isUnknown = ({ writer }: Cluster): boolean =>
    writer !== nobody && operations[writer]!.outcome === 'info';
  const pending = [...clusters.values()].filter((cluster) => isUnknown(cluster) && isSeen(cluster));
  for (let cluster = pending.pop(); cluster !== undefined; cluster = pending.pop()) {
    const { writer } = cluster;
    if (operations[writer]!.f !== 'cas') continue;
    const [from] = casOf(operations[writer]!);
    const found = clusters.get(from);
    if (found === undefined) return undefined;
    if (found.successor !== nobody) {
      const involved = [found.successor, writer];
      const why = `two cas found ${shown(from)} and replaced it, but it is written once`;
      return { culprit: found.successor, involved, why };
    }
    const wasSeen = isSeen(found);
    found.successor = writer;
    if (isUnknown(found) && !wasSeen) pending.push(found);
  }
  for (const cluster of [...clusters.values()]) {
    if (isUnknown(cluster) && !isSeen(cluster)) clusters.delete(cluster.value);
  }
  return clusters;
}

/** Follows each chain from its plain write, or from the start. */
function chain(
  part: Part,
  clusters: ReadonlyMap<RegisterValue, Cluster>,
  initial: RegisterValue,
): Block[] | Conflict {
  const { operations, call, ret } = part;
  const blocks: Block[] = [];
  for (const start of clusters.values()) {
    const isStart = start.writer === nobody || operations[start.writer]!.f === 'write';
    if (!isStart) continue;
    const order: number[] = [];
    const members: Cluster[] = [];
    for (let cluster: Cluster | undefined = start; cluster !== undefined;) {
      members.push(cluster);
      if (cluster.writer !== nobody) order.push(cluster.writer);
      order.push(...cluster.readers);
      const { successor }: Cluster = cluster;
      cluster = successor === nobody ? undefined : clusters.get(casOf(operations[successor]!)[1]);
    }
    // The initial value was there before everything.
    const isInitial = start.value === initial && start.writer === nobody;
    let [f, first, s, last] = [isInitial ? -1 : Infinity, nobody, -1, nobody];
    for (const i of order) {
      if (ret[i]! < f) [f, first] = [ret[i]!, i];
      if (call[i]! > s) [s, last] = [call[i]!, i];
    }
    blocks.push({ clusters: members, order, f, first, s, last });
  }
  const chained = new Set(blocks.flatMap((block) => block.clusters));
  if (chained.size === clusters.size) return blocks;
  // Every value of what is left was made by a cas from another such value: a circle.
  const circle = [...clusters.values()].filter((cluster) => !chained.has(cluster));
  const involved = circle.map(({ writer }) => writer);
  return { culprit: involved[0]!, involved, why: 'each of these cas needs another one before it' };
}

/** Whether the inner order of a block breaks real time; readers of one value are free. */
function innerConflict(
  { operations, call, ret }: Part,
  blocks: readonly Block[],
  describe: (operation: Operation) => string,
): Conflict | undefined {
  for (const { clusters } of blocks) {
    let latest = nobody;
    const raise = (i: number): void => {
      if (latest === nobody || call[i]! > call[latest]!) latest = i;
    };
    for (const { writer, readers } of clusters) {
      const members = writer === nobody ? readers : [writer, ...readers];
      for (const i of members) {
        if (latest !== nobody && ret[i]! < call[latest]!) {
          const [culprit, other] = operations[latest]!.f === 'read' ? [latest, i] : [i, latest];
          const name = `${describe(operations[other]!)} by process ${operations[other]!.process}`;
          const why =
            culprit === latest
              ? `it must come before ${name}, which had returned before it was called`
              : `it must come after ${name}, which was called only after it had returned`;
          return { culprit, involved: [other, culprit], why };
        }
        if (i === writer) raise(i);
      }
      readers.forEach(raise);
    }
  }
  return undefined;
}

/** Forward zones in order of their starts; each must end before the next begins. */
function overlap(
  part: Part,
  blocks: readonly Block[],
  describe: (operation: Operation) => string,
): Conflict | undefined {
  const forward = blocks.filter(({ f, s }) => f < s).sort((a, b) => a.f - b.f);
  for (let i = 1; i < forward.length; i++) {
    if (forward[i]!.f < forward[i - 1]!.s) {
      return between(part, forward[i - 1]!, forward[i]!, describe);
    }
  }
  for (const zone of blocks) {
    if (zone.f < zone.s || zone.order.length === 0) continue;
    const around = zoneBefore(forward, zone.s);
    if (around !== undefined && zone.f < around.s) return between(part, around, zone, describe);
  }
  return undefined;
}

/** The last forward zone that begins before a moment. */
function zoneBefore(forward: readonly Block[], moment: number): Block | undefined {
  let low = 0;
  let high = forward.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (forward[middle]!.f < moment) low = middle + 1;
    else high = middle;
  }
  return forward[low - 1];
}

/** Two blocks of which each would have to come first. */
function between(
  { operations }: Part,
  a: Block,
  b: Block,
  describe: (operation: Operation) => string,
): Conflict {
  const [early, late] = a.s > b.s ? [b, a] : [a, b];
  const name = (i: number): string =>
    i === nobody ? 'the start' : `${describe(operations[i]!)} by process ${operations[i]!.process}`;
  const starts = [early.order[0], late.order[0]].filter((i) => i !== undefined);
  const involved = [...starts, early.first, early.last, late.first, late.last];
  return {
    culprit: late.last,
    involved: [...new Set(involved)].filter((i) => i !== nobody).sort((x, y) => x - y),
    why:
      `the value it saw was there before ${name(early.last)} was called (${name(late.first)} ` +
      `had returned), another was there in between (${name(early.first)} had returned before), ` +
      `and no value is written twice`,
  };
}

/**
 * The blocks one after the other: a forward zone at its start, a backward one at the first moment
 * of its range that no forward zone fills.
 */
function arrange(blocks: readonly Block[]): number[] {
  const forward = blocks.filter(({ f, s }) => f < s).sort((a, b) => a.f - b.f);
  const placed = blocks.map((block) => {
    if (block.f < block.s) return { block, at: block.f };
    const around = zoneBefore(forward, block.s);
    const isCovered = around !== undefined && around.s > block.s;
    return { block, at: isCovered ? around.s : block.s };
  });
  return placed.sort((a, b) => a.at - b.at).flatMap(({ block }) => block.order);
}

function shown(value: RegisterValue): string {
  return JSON.stringify(value);
}
