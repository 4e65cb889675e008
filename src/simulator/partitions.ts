/** Which links a partition cuts: shapes as pure functions of the members' numbers. */
import type { NodeId } from '../raft/types';
import type { PartitionShape } from './faults';

export type DirectedLink = readonly [from: NodeId, to: NodeId];

/** The links that are cut among `size` members; `group` is sorted and may be empty. */
export function cutLinks(
  shape: PartitionShape,
  size: number,
  group: readonly NodeId[],
): DirectedLink[] {
  const first = group[0];
  if (first === undefined) return [];
  switch (shape) {
    case 'split':
      return pairs(size, (from, to) => group.includes(from) !== group.includes(to));
    case 'outbound':
      return pairs(size, (from, to) => group.includes(from) && !group.includes(to));
    case 'inbound':
      return pairs(size, (from, to) => !group.includes(from) && group.includes(to));
    case 'bridge': {
      // The first of the group sees everybody; the others fall into two halves around it.
      const half = (id: NodeId): number => (((id - first + size) % size) * 2 > size ? 1 : 2);
      return pairs(size, (from, to) => from !== first && to !== first && half(from) !== half(to));
    }
    case 'ring': {
      const reach = size >> 2 || 1;
      const distance = (from: NodeId, to: NodeId): number => (to - from + size) % size;
      return pairs(size, (from, to) => {
        const steps = distance(from, to);
        return Math.min(steps, size - steps) > reach;
      });
    }
  }
}

/** All directed links among `size` members that are wanted, in order. */
export function pairs(size: number, wanted: (from: NodeId, to: NodeId) => boolean): DirectedLink[] {
  const links: DirectedLink[] = [];
  for (let from = 1; from <= size; from++) {
    for (let to = 1; to <= size; to++) {
      if (from !== to && wanted(from, to)) links.push([from, to]);
    }
  }
  return links;
}
