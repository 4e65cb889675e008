/**
 * What clients do: an endless sequence of operations for each of them, made from a seed, and the
 * model that says which answers are right.
 */
import type { OperationRequest, Vocabulary } from '../../src/client';
import type { RuleResult } from '../../models';
import type { History, RecordedCompletion } from '../../src/history';
import type { Random } from '../random';

/** The operations of one client, one after the other. */
export interface Generator {
  next(): OperationRequest;
  /** Tells the generator what came of its operation: a cas wants to hit a value it has seen. */
  observe(request: OperationRequest, completion: RecordedCompletion): void;
}

export interface GeneratorOptions {
  readonly random: Random;
  /** Which client it is for, and how many there are: together they make values unique. */
  readonly client: number;
  readonly clientCount: number;
}

/** What rules of a workload are told beside the history. */
export interface RuleContext {
  /** Final reads are the operations from this process number on. */
  readonly firstFinalProcess: number;
  /** How many were injected. */
  readonly faults: number;
}

export interface Workload {
  readonly name: string;
  /** What is promised, in plain language. */
  readonly promise: string;
  readonly vocabulary: Vocabulary;
  readonly keys: readonly string[];
  /**
   * The model that judges values alone. It needs to know nothing of the store before the run, so
   * it judges stores that others write to as well. Absent when only revisions tell enough.
   */
  readonly model?: string;
  /** The stricter model that judges the revision of each answer too, for a store of our own. */
  readonly revisionModel?: string;
  /** Whether its clients compact, so that the past cannot be read back in the end. */
  readonly compacts?: boolean;
  /** Promises that no model tells. */
  readonly rules?: (history: History, context: RuleContext) => readonly RuleResult[];
  /** How long nobody does anything before the final reads. Default: not at all. */
  readonly restMs?: number;
  generator(options: GeneratorOptions): Generator;
  /** Linearizable reads of everything, for the end of the run. */
  finalReads(): readonly OperationRequest[];
}

/** `k0`, `k1`, ...: as many keys as asked for. */
export function numberedKeys(count: number): readonly string[] {
  return Array.from({ length: count }, (_, i) => `k${i}`);
}
