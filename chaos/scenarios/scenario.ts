/**
 * A scenario: what is done to a store, and what it promises to keep while it is done.
 *
 * Each has its own oracle and gives results as any run does, so that one report holds them all.
 * What the target cannot do makes a scenario, or a part of it, skipped with the reason; it never
 * passes for want of trying.
 */
import type { PropertyResult } from '../../reports';
import type { ChaosResult } from '../options';
import type { Cluster, ClusterDescription } from '../target';
import type { ClusterWishes } from '../targets/makeTarget';

export interface ScenarioContext {
  /** A new cluster; its files go into a directory of their own below the scenario's. */
  readonly cluster: (part: string, wishes?: ClusterWishes) => Promise<Cluster>;
  readonly seed: string;
  /** Where histories go, one directory a part. */
  readonly directory: string;
  /** For scenarios that last as long as they are given. */
  readonly seconds: number;
  /** Less of everything, with the same oracles: for a gate that must not take long. */
  readonly isShort: boolean;
  readonly signal: AbortSignal;
  readonly onProgress: (text: string) => void;
}

export interface Scenario {
  readonly name: string;
  /** In plain language. */
  readonly promise: string;
  /** Whether `seconds` decide how long it takes; others write a number of bytes. */
  readonly isTimed: boolean;
  run(context: ScenarioContext): Promise<readonly ChaosResult[]>;
}

/** Whether a cluster is ours: its limits are then promised, and not only looked at. */
export function isReference({ target }: ClusterDescription): boolean {
  return target === 'reference';
}

/** A promise that was not looked at, and why. */
export function skipped(id: string, title: string, reason: string): PropertyResult {
  return { id, title, verdict: 'skipped', evidence: {}, reason: `skipped, because ${reason}` };
}
