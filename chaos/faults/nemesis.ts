/**
 * The nemesis: injects one fault after the other while clients work, and heals each.
 *
 * The plan is data made from the seed alone: which faults, in which order, with which pauses.
 * Carrying it out records order and fact of each step (`inject`, `injected`, `heal`, `healed`).
 * Invariant: when `runNemesis` is done, also after an abort or an error, every member runs and
 * every link is mended, or the result says which fault could not be healed.
 */
import type { HistoryRecorder } from '../../src/history';
import type { Random } from '../random';
import { TargetError, type RunningCluster } from '../target';
import { pause } from '../wait';
import { resolveAim } from './aim';
import { untilAllFollowOneLeader, type Fault } from './fault';
import { healEverything } from './faults';

export interface NemesisStep {
  /** Quiet time before the fault. */
  readonly quietMs: number;
  readonly fault: Fault;
  /** How long the fault stays before it is healed. */
  readonly holdMs: number;
}

export interface NemesisPlanOptions {
  readonly faults: readonly Fault[];
  readonly random: Random;
  /** The steps together (without the time healing takes) fill about this long. */
  readonly totalMs: number;
  /** Mean quiet time between two faults. Default 1500 ms: more than one election. */
  readonly quietMs?: number;
  /** Mean time a fault stays. Default 2000 ms: two elections. */
  readonly holdMs?: number;
}

/**
 * A schedule from the seed. Faults come in shuffled rounds, so that each occurs before any comes
 * back; when the time is too short for one round, times shrink, down to a quarter.
 */
export function planNemesis(options: NemesisPlanOptions): readonly NemesisStep[] {
  const { faults, random, totalMs, quietMs = 1_500, holdMs = 2_000 } = options;
  if (faults.length === 0) return [];
  const roundMs = faults.length * (quietMs + holdMs);
  const scale = Math.min(1, Math.max(0.25, totalMs / roundMs));
  const steps: NemesisStep[] = [];
  let leftMs = totalMs;
  for (;;) {
    for (const fault of random.shuffled(faults)) {
      const step = {
        quietMs: Math.round(random.around(quietMs * scale)),
        fault,
        holdMs: Math.round(random.around(holdMs * scale)),
      };
      leftMs -= step.quietMs + step.holdMs;
      if (leftMs < 0 && steps.length > 0) return steps;
      steps.push(step);
    }
  }
}

export interface NemesisOptions {
  readonly cluster: RunningCluster;
  readonly plan: readonly NemesisStep[];
  readonly recorder: HistoryRecorder;
  /** Chooses the members at the moment of injection. */
  readonly random: Random;
  /** How long a healed cluster may take until it works. Default 30 000 ms. */
  readonly healLimitMs?: number;
  readonly signal?: AbortSignal | undefined;
  /** Ends the waiting for what was healed. Default: nothing does but the limit. */
  readonly patience?: AbortSignal | undefined;
  readonly onFault?: (fault: Fault, members: readonly string[], phase: 'inject' | 'healed') => void;
}

/** A fault after which the cluster did not work again within the limit. */
export interface NotHealed {
  readonly fault: string;
  readonly members: readonly string[];
  readonly reason: string;
}

export interface NemesisResult {
  /** How often each fault was injected, by name. */
  readonly counts: ReadonlyMap<string, number>;
  readonly notHealed: readonly NotHealed[];
  /** Faults that turned out to be impossible here, with the reason; by name. */
  readonly impossible: ReadonlyMap<string, string>;
  /** The run was ended before the last fault was seen to be healed. */
  readonly isUnseen: boolean;
}

/** What came of one step of the plan. */
type StepResult =
  | { readonly type: 'injected' }
  /** Injected and healed, but whether the cluster works again was not waited for. */
  | { readonly type: 'unseen' }
  | { readonly type: 'notInjected' }
  | { readonly type: 'impossible'; readonly reason: string }
  | { readonly type: 'failed'; readonly failure: NotHealed };

const healLimitMsDefault = 30_000;

/** Carries out a plan; never rejects because of a fault, never leaves one behind. */
export async function runNemesis(options: NemesisOptions): Promise<NemesisResult> {
  const { cluster, plan, recorder, signal, patience } = options;
  const { healLimitMs = healLimitMsDefault } = options;
  let isUnseen = false;
  const counts = new Map<string, number>();
  const notHealed: NotHealed[] = [];
  const impossible = new Map<string, string>();
  for (const { quietMs, fault, holdMs } of plan) {
    await pause(quietMs, signal);
    if (signal?.aborted) break;
    if (impossible.has(fault.name)) continue;
    const result = await oneFault(options, fault, holdMs, healLimitMs);
    if (result.type === 'impossible') impossible.set(fault.name, result.reason);
    isUnseen ||= result.type === 'unseen';
    if (result.type !== 'notInjected' && result.type !== 'impossible') {
      counts.set(fault.name, (counts.get(fault.name) ?? 0) + 1);
    }
    if (result.type === 'failed') {
      notHealed.push(result.failure);
      break;
    }
  }
  // Where nothing was to be done there is nothing to heal, and perhaps nobody who tells of leaders.
  if (plan.length === 0) return { counts, notHealed, impossible, isUnseen };
  try {
    await healEverything(cluster);
    await untilAllFollowOneLeader(cluster, { limitMs: healLimitMs, signal: patience });
  } catch (error) {
    if (patience?.aborted) return { counts, notHealed, impossible, isUnseen: true };
    const reason = (error as Error).message;
    const targets = cluster.members().map(({ name }) => name);
    recorder.fault({ fault: 'final heal', phase: 'failed', targets, detail: reason });
    notHealed.push({ fault: 'final heal', members: targets, reason });
  }
  return { counts, notHealed, impossible, isUnseen };
}

async function oneFault(
  options: NemesisOptions,
  fault: Fault,
  holdMs: number,
  healLimitMs: number,
): Promise<StepResult> {
  const { cluster, recorder, random, signal, patience, onFault } = options;
  let targets: readonly string[] | undefined;
  try {
    targets = await resolveAim(fault.aim, cluster, random, signal);
    // The time may have run out while a leader was waited for.
    if (signal?.aborted) return { type: 'notInjected' };
    recorder.fault({ fault: fault.name, phase: 'inject', targets });
    onFault?.(fault, targets, 'inject');
    await fault.inject(cluster, targets);
    recorder.fault({ fault: fault.name, phase: 'injected', targets });
    await pause(holdMs, signal);
    recorder.fault({ fault: fault.name, phase: 'heal', targets });
    await fault.heal(cluster, targets);
    // Healing is verified after an abort as well, so it is not the signal that ends it.
    await fault.verifyHealed(cluster, targets, { limitMs: healLimitMs, signal: patience });
    recorder.fault({ fault: fault.name, phase: 'healed', targets });
    onFault?.(fault, targets, 'healed');
    return { type: 'injected' };
  } catch (error) {
    if (signal?.aborted && targets === undefined) return { type: 'notInjected' };
    const members = targets ?? [];
    const reason = (error as Error).message;
    if (patience?.aborted) return { type: 'unseen' };
    recorder.fault({ fault: fault.name, phase: 'failed', targets: members, detail: reason });
    if (error instanceof TargetError && error.code === 'notCapable') {
      return { type: 'impossible', reason };
    }
    return { type: 'failed', failure: { fault: fault.name, members, reason } };
  }
}
