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

/**
 * `mutant`: must be caught. `benign`: changes what members do and none of what they promise;
 * whoever reports a violation for it raises a false alarm. `canary`: breaks the plainest promise
 * at once; when it is not caught at the first seed, it is the suite that is broken.
 */
export type MutantKind = 'mutant' | 'benign' | 'canary';

export interface Mutant {
  /** Number of the class of bugs, as in the literature on Raft failures. */
  readonly id: string;
  readonly kind: MutantKind;
  readonly title: string;
  /** Where this bug was really seen. */
  readonly source: string;
  readonly edits: readonly Edit[];
  /** Checks that may catch it; a kill by another one shows that we misunderstand it. */
  readonly expectedKillers: readonly string[];
  /** What must happen for it to show. */
  readonly needs: string;
  /**
   * A seed known to catch it, for bugs that take hundreds: the quick hunt of the tests begins
   * there. A full hunt always begins at seed 1.
   */
  readonly quickSeed: number | undefined;
  /** Narrows the swarm, for bugs that only a directed search finds in reasonable time. */
  readonly swarm: SwarmOptions;
  /** Why there is nothing to break: the reference has no such mechanism. It is not hunted. */
  readonly absent: string | undefined;
}

/** What the loader needs of one. */
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
