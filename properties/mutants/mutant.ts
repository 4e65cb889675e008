/**
 * A mutant is data: one known way to break a Raft store, as a few edits of the source.
 *
 * The text of an edit must be found exactly once; a patch that no longer matches fails the run,
 * because a mutant that silently changes nothing would count as a survivor or, worse, never be
 * missed. The product's own code holds no switch for any of them.
 */
import type { SwarmOptions } from '../../src/simulator';

export interface Edit {
  /** Path of the file from the root of the package. */
  readonly file: string;
  readonly find: string;
  readonly replace: string;
}

export interface Mutant {
  /** Number of the class of bugs, as in the literature on Raft failures. */
  readonly id: string;
  readonly title: string;
  /** Where this bug was really seen. */
  readonly source: string;
  readonly edits: readonly Edit[];
  /** Invariants that may catch it; a kill by another one shows that we misunderstand it. */
  readonly expectedKillers: readonly string[];
  /** What must happen for it to show. */
  readonly needs: string;
  /** Seeds within which it must be caught. */
  readonly seedsMax: number;
  /**
   * A seed known to catch it, for bugs that take hundreds: the quick hunt begins there. It has the
   * same number of seeds, so where another version of the core needs another seed it takes longer
   * and is no weaker. Default 1.
   */
  readonly quickSeed?: number;
  /** Narrows the swarm, for bugs that only a directed search finds in reasonable time. */
  readonly swarm?: SwarmOptions;
}

/** A change that breaks nothing: whoever reports a violation for it raises a false alarm. */
export interface BenignMutant {
  readonly id: string;
  readonly title: string;
  readonly edits: readonly Edit[];
}

/** What the loader needs of either. */
export type Patch = Pick<Mutant, 'id' | 'edits'>;

/** The source of `file` with the edits that concern it. */
export function applyPatch(patch: Patch, file: string, source: string): string {
  let text = source;
  for (const edit of patch.edits) {
    if (edit.file !== file) continue;
    const parts = text.split(edit.find);
    if (parts.length !== 2) {
      const count = parts.length - 1;
      throw new Error(`mutant ${patch.id}: its text is found ${count} times in ${file}, not once`);
    }
    text = parts.join(edit.replace);
  }
  return text;
}
