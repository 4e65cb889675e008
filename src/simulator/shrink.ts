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
  /** When it failed: what lies behind that cannot matter. Default: not known. */
  readonly failedAtMs?: number;
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

type ShrunkList = 'faults' | 'operations' | 'watchers' | 'outsiders';

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
    this.cutAt(this.options.failedAtMs);
    for (let round = 0; round < 4 && !this.outOfTime; round++) {
      const before = this.best;
      this.shortenTime();
      this.leaveOutWhole();
      this.reconcile();
      this.shrinkList('faults');
      this.shrinkList('operations');
      this.shrinkList('watchers');
      this.shrinkList('outsiders');
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

  private reconcile(): void {
    if (this.best.estranged === true) this.attempt({ ...this.best, estranged: false });
  }

  /** Halves the safety phase while the failure still comes. */
  private shortenTime(): void {
    for (;;) {
      const safetyMs = Math.ceil(this.best.options.safetyMs / 2);
      if (safetyMs < 100 || !this.attempt(endingAt(this.best, safetyMs))) return;
    }
  }

  private cutAt(failedAtMs: number | undefined): void {
    if (failedAtMs === undefined) return;
    const safetyMs = Math.ceil(failedAtMs) + 1;
    if (safetyMs < this.best.options.safetyMs) this.attempt(endingAt(this.best, safetyMs));
  }

  /** What belongs together goes together: one of a client, a kind, a key or a member at a time. */
  private leaveOutWhole(): void {
    for (const trait of ['client', 'kind', 'key', 'member'] as const) {
      const values = new Set(this.best.operations.map((operation) => operation[trait]));
      for (const value of values) {
        const operations = this.best.operations.filter((operation) => operation[trait] !== value);
        this.attempt({ ...this.best, operations });
      }
    }
    for (const kind of new Set(this.best.faults.map((fault) => fault.kind))) {
      const faults = this.best.faults.filter((fault) => fault.kind !== kind);
      this.attempt({ ...this.best, faults });
    }
  }

  /**
   * Keeps one piece alone, or leaves one out, with ever smaller pieces: few of many matter, so
   * whole pieces of what does not go at once.
   */
  private shrinkList(list: ShrunkList): void {
    const items = (): readonly unknown[] => this.best[list] ?? [];
    if (items().length === 0 || this.attempt({ ...this.best, [list]: [] })) return;
    let pieces = 2;
    while (!this.outOfTime) {
      const size = Math.ceil(items().length / pieces);
      if (pieces <= 8 && this.keepOnePiece(list, size)) {
        pieces = 2;
        continue;
      }
      const removed = this.leavePiecesOut(list, size);
      if (size <= 1 && !removed) return;
      pieces = Math.min(items().length, removed ? Math.max(2, pieces) : pieces * 2);
    }
  }

  private keepOnePiece(list: ShrunkList, size: number): boolean {
    const items = this.best[list] ?? [];
    if (size >= items.length) return false;
    for (let at = 0; at < items.length; at += size) {
      if (this.attempt({ ...this.best, [list]: items.slice(at, at + size) })) return true;
    }
    return false;
  }

  private leavePiecesOut(list: ShrunkList, size: number): boolean {
    let removed = false;
    for (let at = 0; at < (this.best[list] ?? []).length && !this.outOfTime;) {
      const items = this.best[list] ?? [];
      const rest = [...items.slice(0, at), ...items.slice(at + size)];
      if (this.attempt({ ...this.best, [list]: rest })) removed = true;
      else at += size;
    }
    return removed;
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

/** The plan with a safety phase of that length; what lies behind it goes. */
function endingAt(plan: Plan, safetyMs: number): Plan {
  return {
    ...plan,
    options: { ...plan.options, safetyMs },
    faults: plan.faults.filter(({ atMs }) => atMs <= safetyMs),
    operations: plan.operations.filter(({ atMs }) => atMs <= safetyMs),
    ...(plan.watchers && { watchers: plan.watchers.filter(({ atMs }) => atMs <= safetyMs) }),
  };
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
