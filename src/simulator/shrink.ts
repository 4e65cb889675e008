/**
 * Makes a failing plan small: leaves out faults, then operations, then members' oddities, as long
 * as the same invariant still fails (delta debugging, Zeller and Hildebrandt 2002).
 *
 * The data is shrunk, never the seed: every random stream belongs to one subsystem, so a plan with
 * one fault less runs the same up to that fault. It goes on until nothing more can be left out or
 * `mayGoOn` says that the time is over; what it has by then is still a failing plan.
 */
import { CALM_OPTIONS } from './plan';
import type { Fault, FaultTarget } from './faults';
import type { Plan, SimulationOptions } from './plan';

export interface ShrinkOptions {
  /** Whether the plan still fails in the way that is being shrunk. */
  readonly fails: (plan: Plan) => boolean;
  /** False ends the search. Default: go on until nothing more can be left out. */
  readonly mayGoOn?: () => boolean;
  /** Runs at most. Default 2000. */
  readonly runsMax?: number;
}

export interface Shrunk {
  readonly plan: Plan;
  readonly runs: number;
  /** True when the search ended by itself: the plan is minimal for these steps. */
  readonly complete: boolean;
}

export function shrinkPlan(plan: Plan, options: ShrinkOptions): Shrunk {
  return new Shrinker(plan, options).run();
}

class Shrinker {
  private best: Plan;
  private runs = 0;
  private outOfTime = false;

  constructor(
    plan: Plan,
    private readonly options: ShrinkOptions,
  ) {
    this.best = plan;
  }

  run(): Shrunk {
    for (let round = 0; round < 4 && !this.outOfTime; round++) {
      const before = this.best;
      this.shortenTime();
      this.shrinkList('faults');
      this.shrinkList('operations');
      this.calmDevices();
      this.simplifyFaults();
      if (this.best === before) break;
    }
    return { plan: this.best, runs: this.runs, complete: !this.outOfTime };
  }

  private attempt(plan: Plan): boolean {
    if (this.outOfTime) return false;
    const { fails, mayGoOn, runsMax } = this.options;
    if (this.runs >= (runsMax ?? 2000) || mayGoOn?.() === false) {
      this.outOfTime = true;
      return false;
    }
    this.runs++;
    if (!fails(plan)) return false;
    this.best = plan;
    return true;
  }

  /** Halves the safety phase while the failure still comes; what lies behind it goes too. */
  private shortenTime(): void {
    for (;;) {
      const { options } = this.best;
      const safetyMs = Math.ceil(options.safetyMs / 2);
      if (safetyMs < 100) return;
      const plan: Plan = {
        ...this.best,
        options: { ...options, safetyMs },
        faults: this.best.faults.filter(({ atMs }) => atMs <= safetyMs),
        operations: this.best.operations.filter(({ atMs }) => atMs <= safetyMs),
      };
      if (!this.attempt(plan)) return;
    }
  }

  /** Leaves out ever smaller pieces of a list. */
  private shrinkList(list: 'faults' | 'operations'): void {
    if (this.best[list].length > 0 && this.attempt({ ...this.best, [list]: [] })) return;
    let piece = Math.ceil(this.best[list].length / 2);
    while (piece >= 1 && !this.outOfTime) {
      let removed = false;
      for (let at = 0; at < this.best[list].length && !this.outOfTime;) {
        const items = this.best[list];
        const rest = [...items.slice(0, at), ...items.slice(at + piece)];
        if (this.attempt({ ...this.best, [list]: rest })) removed = true;
        else at += piece;
      }
      if (piece === 1 && !removed) return;
      piece = removed ? Math.min(piece, Math.ceil(this.best[list].length / 2)) : piece >> 1;
    }
  }

  /** Takes the calm value of one option after the other. */
  private calmDevices(): void {
    const calm = CALM_OPTIONS;
    this.option({ network: calm.network });
    this.option({ disk: calm.disk });
    this.option({ clock: calm.clock });
    this.option({ valueBytes: calm.valueBytes });
    const { network, member } = this.best.options;
    for (const field of Object.keys(network) as (keyof typeof network)[]) {
      if (this.best.options.network[field] === calm.network[field]) continue;
      this.option({ network: { ...this.best.options.network, [field]: calm.network[field] } });
    }
    for (const field of Object.keys(member)) {
      if (field in calm.member) continue;
      const rest = Object.entries(this.best.options.member).filter(([name]) => name !== field);
      this.option({ member: Object.fromEntries(rest) });
    }
  }

  private option(change: Partial<SimulationOptions>): void {
    this.attempt({ ...this.best, options: { ...this.best.options, ...change } });
  }

  /** Tries faults that are shorter and name their target. */
  private simplifyFaults(): void {
    for (let i = 0; i < this.best.faults.length && !this.outOfTime; i++) {
      for (const simpler of simplerFaults(this.best.faults[i]!)) {
        const faults = this.best.faults.map((fault, at) => (at === i ? simpler : fault));
        if (this.attempt({ ...this.best, faults })) break;
      }
    }
  }
}

function simplerFaults(fault: Fault): Fault[] {
  const simpler: Fault[] = [];
  if (fault.kind === 'partition') {
    if (fault.shape !== 'split') simpler.push({ ...fault, shape: 'split' });
    const [first] = fault.group;
    if (first !== undefined && fault.group.length > 1) simpler.push({ ...fault, group: [first] });
    const group = new Set<FaultTarget>(fault.group);
    if (group.size < fault.group.length) simpler.push({ ...fault, group: [...group] });
  }
  if (fault.kind === 'hold' && fault.direction === 'both') {
    simpler.push({ ...fault, direction: 'from' }, { ...fault, direction: 'to' });
  }
  return simpler;
}
