/** What a chaos run is given and what it gives back. */
import type { FaultKind, NamedHistory, PropertyResult, Series, TargetReport } from '../reports';
import type { Fault } from './faults/fault';
import type { Cluster } from './target';
import type { Workload } from './workloads';

export interface ChaosProgress {
  readonly phase: 'starting' | 'working' | 'healing' | 'reading back' | 'judging';
  /** Seconds since the clients began; 0 before. */
  readonly seconds: number;
  /** Operations invoked so far. */
  readonly operations: number;
  /** What the nemesis is doing now, e.g. `kill leader (m2)`. */
  readonly fault?: string;
}

export interface ChaosOptions {
  readonly target: Cluster;
  readonly workload: Workload;
  /** Those that the target is not capable of are reported as skipped. */
  readonly faults: readonly Fault[];
  /** How long clients work under faults. */
  readonly seconds: number;
  readonly seed: string;
  /** Where `history.jsonl` goes; must exist or be creatable. */
  readonly directory: string;
  /** Name of the history in reports. Default the workload's. */
  readonly name?: string;
  /** Default 10. */
  readonly clients?: number;
  /** Clients that watch beside them. Default 3. */
  readonly watchers?: number;
  /** Mean pause of a client between two operations. Default 10 ms. */
  readonly pauseMs?: number;
  /** When a request of a client counts as unknown. Default 1000 ms. */
  readonly timeoutMs?: number;
  /** How long the cluster may take to work again after a fault. Default 30 000 ms. */
  readonly healLimitMs?: number;
  /** How long the model checker may think. Default 60 000 ms. */
  readonly checkLimitMs?: number;
  /** Mean times of the nemesis; see `planNemesis`. */
  readonly quietMs?: number;
  readonly holdMs?: number;
  /** Ends the run early and in order: heals, stops, judges and reports what is there. */
  readonly signal?: AbortSignal;
  /** Called a few times a second at most. */
  readonly onProgress?: (progress: ChaosProgress) => void;
}

export interface ChaosResult {
  readonly name: string;
  readonly seed: string;
  readonly startedAt: string;
  /** From the start of the cluster to the end of the judging. */
  readonly seconds: number;
  readonly target: TargetReport;
  readonly properties: readonly PropertyResult[];
  readonly faults: readonly FaultKind[];
  readonly series: readonly Series[];
  readonly history: NamedHistory;
  readonly notes: readonly string[];
}

/** The defaults, in one place because work and judging share them. */
export const chaosDefaults = {
  clients: 10,
  watchers: 3,
  pauseMs: 10,
  timeoutMs: 1_000,
  healLimitMs: 30_000,
  checkLimitMs: 60_000,
} as const;
