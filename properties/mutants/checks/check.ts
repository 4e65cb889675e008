/** What every check of a mutant looks like: a seed in, what is false out. */
export interface Finding {
  /** Name of the check or invariant, as `expectedKillers` names it. */
  readonly check: string;
  /** What a sound program would keep. */
  readonly sentence: string;
  readonly details: string;
}

export function describeError(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
