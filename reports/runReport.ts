/**
 * The one data type that all writers read: what ran, what was promised, what came of it.
 *
 * It holds plain data only, so that a stored run can be read back and written anew by a later
 * version. Times are seconds since the start of the run unless a name says otherwise.
 */
import type { History } from '../src/history';

/** `skipped` is never as good as `ok`: it says why nothing was checked. */
export type Verdict = 'ok' | 'fail' | 'unknown' | 'skipped';

/** On how much a verdict rests; a promise kept over ten operations is worth little. */
export interface Evidence {
  readonly operations?: number;
  readonly faults?: number;
  readonly seconds?: number;
  /** Anything else that was counted, by name in words, e.g. `seeds` or `members`. */
  readonly counts?: Readonly<Record<string, number>>;
}

/** One operation of a contradiction. */
export interface ContradictingOperation {
  readonly id: number;
  /** `context`: not needed for the contradiction, but what the others saw came from it. */
  readonly role: 'culprit' | 'core' | 'context';
  /** As the model describes it. */
  readonly text: string;
  readonly process: number;
  readonly member?: string;
  /** Seconds on the clock of the history; `null`: it never ended. */
  readonly call: number;
  readonly end: number | null;
}

/** A few operations of a history that no order explains, whatever all the others did. */
export interface Contradiction {
  /** The key they are about. */
  readonly key?: string;
  /** One sentence: which of them cannot be placed, and why. */
  readonly message: string;
  /** Whether each of them is known to be needed, those of the context aside. */
  readonly isMinimal: boolean;
  /** By their calls. */
  readonly operations: readonly ContradictingOperation[];
  /** An order of all but the culprit, and the state after each step. */
  readonly order: readonly { readonly text: string; readonly state: string }[];
}

/** What to look at when a promise is broken. */
export interface Counterexample {
  /** One line: what is wrong. */
  readonly title: string;
  /** The operations or events in question, one a line, as they shall be shown. */
  readonly lines: readonly string[];
  /** The history it is about, by name, and the ids of its operations. */
  readonly history?: string;
  readonly operationIds?: readonly number[];
  /** When no order of the operations explains their answers: for each key which ones, and why. */
  readonly contradictions?: readonly Contradiction[];
  /** The page beside the documents that shows where operations take effect. */
  readonly page?: string;
  /** A command that shows it again. */
  readonly replay?: string;
}

export interface PropertyResult {
  /** Stable, for machines: `linearizable`. */
  readonly id: string;
  /** The promise in plain language: `Every read returns the newest acknowledged write`. */
  readonly title: string;
  readonly verdict: Verdict;
  readonly evidence: Evidence;
  /** Why it is not `ok`. */
  readonly reason?: string;
  readonly counterexample?: Counterexample;
}

/** A kind of fault of the run, with how it looks. */
export interface FaultKind {
  readonly name: string;
  readonly label: string;
  /** A CSS colour. */
  readonly colour: string;
  /** How often it was injected. */
  readonly count: number;
}

/** Something measured over time, e.g. the memory of each member. */
export interface Series {
  readonly title: string;
  /** Of the values, e.g. `MiB`. */
  readonly unit: string;
  /** The history on whose clock the seconds count. */
  readonly history?: string;
  readonly seconds: readonly number[];
  /** `null` where there was nothing to measure, e.g. while a member was down. */
  readonly lines: readonly {
    readonly label: string;
    readonly values: readonly (number | null)[];
  }[];
}

export interface NamedHistory {
  readonly name: string;
  /** The file beside the documents that holds it, if it was stored. */
  readonly file?: string;
  readonly history: History;
}

export interface TargetReport {
  readonly name: string;
  readonly how: string;
  readonly version?: string;
  readonly memberCount: number;
}

export interface RunReport {
  /** What was done, e.g. `chaos register`. */
  readonly title: string;
  /** ISO 8601, UTC. */
  readonly startedAt: string;
  readonly seconds: number;
  /** Name and value of what the figures depend on: versions, processors, memory. */
  readonly environment: Readonly<Record<string, string>>;
  /** The command that repeats the run. */
  readonly command: string;
  readonly target: TargetReport;
  readonly seed: string;
  readonly properties: readonly PropertyResult[];
  readonly faults: readonly FaultKind[];
  readonly series: readonly Series[];
  readonly histories: readonly NamedHistory[];
  /** Sentences a reader should know, e.g. that the run was aborted. */
  readonly notes: readonly string[];
}

/**
 * The verdict over many: one broken promise breaks all, then one undecided leaves all undecided.
 * Skipped ones do not count, but when nothing at all was checked the answer is `unknown`.
 */
export function overallVerdict(properties: readonly Pick<PropertyResult, 'verdict'>[]): Verdict {
  const has = (verdict: Verdict): boolean => properties.some((one) => one.verdict === verdict);
  if (has('fail')) return 'fail';
  if (has('unknown')) return 'unknown';
  return has('ok') ? 'ok' : 'unknown';
}

/** The verdict as a sentence. */
export function headline(properties: readonly PropertyResult[]): string {
  const count = (verdict: Verdict): number =>
    properties.filter((property) => property.verdict === verdict).length;
  const checked = properties.length - count('skipped');
  const promises = (n: number): string => `${n} ${n === 1 ? 'promise' : 'promises'}`;
  if (checked === 0) return 'Nothing was checked';
  const failed = count('fail');
  if (failed > 0) return `${failed} of ${promises(checked)} ${failed === 1 ? 'is' : 'are'} broken`;
  const undecided = count('unknown');
  if (undecided > 0) return `${undecided} of ${promises(checked)} could not be decided`;
  return checked === 1 ? 'The promise held' : `All ${promises(checked)} held`;
}

/** The evidence as short phrases: `12 345 operations`, `6 faults`, `30.2 s`. */
export function evidencePhrases(evidence: Evidence): readonly string[] {
  const phrases: string[] = [];
  const { operations, faults, seconds, counts = {} } = evidence;
  if (operations !== undefined) phrases.push(counted(operations, 'operation'));
  if (faults !== undefined) phrases.push(counted(faults, 'fault'));
  for (const [name, count] of Object.entries(counts)) {
    phrases.push(`${groupDigits(count)} ${name}`);
  }
  if (seconds !== undefined) phrases.push(formatSeconds(seconds));
  return phrases;
}

function counted(count: number, noun: string): string {
  return `${groupDigits(count)} ${noun}${count === 1 ? '' : 's'}`;
}

/** Thin groups of three, independent of the locale: `12 345`. */
export function groupDigits(value: number): string {
  return String(value).replace(/\B(?=(\d{3})+$)/g, '\u00a0');
}

/** Seconds with as many digits as one reads: `0.042 s`, `3.1 s`, `125 s`. */
export function formatSeconds(seconds: number): string {
  if (seconds >= 100) return `${Math.round(seconds)} s`;
  return seconds >= 1 ? `${seconds.toFixed(1)} s` : `${seconds.toFixed(3)} s`;
}
