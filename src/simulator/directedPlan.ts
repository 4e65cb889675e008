/** What all directed plans share: a calm cluster, but for what the plan says of it. */
import { drawOperations } from './draws';
import type { SwarmOptions } from './draws';
import type { Fault } from './faults';
import { CALM_OPTIONS } from './plan';
import type { Plan, SimulationOptions } from './plan';
import { prng } from './prng';

export interface Directions {
  readonly members: number;
  readonly safetyMs: number;
  /** In any order. */
  readonly faults: readonly Fault[];
  /** What is not calm. */
  readonly world: Partial<Omit<SimulationOptions, 'network' | 'member'>> & {
    readonly network: Partial<SimulationOptions['network']>;
    readonly member: Partial<SimulationOptions['member']>;
  };
  /** What clients do where the swarm does not say. */
  readonly clients: Partial<SwarmOptions>;
}

/** The swarm's own options come last: whoever narrows it down is obeyed. */
export function directedPlan(seed: string, options: SwarmOptions, directions: Directions): Plan {
  const { members, safetyMs, faults, world, clients } = directions;
  return {
    seed,
    members,
    options: {
      ...CALM_OPTIONS,
      ...world,
      safetyMs,
      network: { ...CALM_OPTIONS.network, ...world.network, ...options.network },
      member: {
        ...CALM_OPTIONS.member,
        electionTicks: 5,
        requestTimeoutMs: 3_000,
        ...world.member,
        ...options.member,
      },
    },
    faults: [...faults].sort((a, b) => a.atMs - b.atMs),
    operations: drawOperations(prng(seed, 'workload'), members, safetyMs, {
      ...clients,
      ...options,
    }),
  };
}
