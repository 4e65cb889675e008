/**
 * "Sometimes" marks: states that a sweep must reach, or its green means nothing.
 *
 * The catalogue is registered up front, so a mark that no seed ever reached shows as zero in
 * place of not at all; a survivor among the mutants can so be told apart: was the state not
 * reached, or is the check too weak?
 */
export const MARKS = [
  'leader elected',
  'leader replaced',
  'leader crashed',
  'two leaders at a time',
  'member restarted',
  'unsynced writes at a crash',
  'all members lost power',
  'leader paused',
  'conflicting tail replaced',
  'old term tail on a majority',
  'snapshot taken',
  'snapshot installed',
  'restart from a snapshot',
  'message overtaken',
  'message doubled',
  'message lost',
  'link cut',
  'outcome unknown',
  'write refused for want of a leader',
  'compare succeeded',
  'compare failed',
  'read of a compacted revision',
  'leadership handed over',
  'snapshot interrupted',
  'installed while cut off from some',
  'log damaged',
  'damaged log refused',
  'disk failed',
  'clock skewed',
  'watch resumed',
  'watch fell behind',
  'watch cancelled by compaction',
  'outsider at the end',
  'member added',
  'removed member ended itself',
  'joint configuration',
  'leader and follower estranged',
  'leader removed at the end',
  'seceded at a change',
  'asked at a rare moment',
  'installed while entries wait',
  'power lost between two writes',
  'leader struck as it committed',
  'leader struck with a change proposed',
  'leader struck as it handed over',
  'leader struck at a delivered snapshot',
  'struck as a snapshot was installed',
] as const;

export type Mark = (typeof MARKS)[number];

/** How often each state was reached in one run, or in many. */
export type MarkCounts = Readonly<Record<Mark, number>>;

export class Marks {
  private readonly seen = new Map<Mark, number>(MARKS.map((mark) => [mark, 0]));

  hit(mark: Mark): void {
    this.seen.set(mark, this.seen.get(mark)! + 1);
  }

  counts(): MarkCounts {
    return Object.fromEntries(MARKS.map((mark) => [mark, this.seen.get(mark)!])) as Record<
      Mark,
      number
    >;
  }
}

/** Sums the counts of several runs. */
export function addMarks(left: MarkCounts, right: MarkCounts): MarkCounts {
  return Object.fromEntries(MARKS.map((mark) => [mark, left[mark] + right[mark]])) as Record<
    Mark,
    number
  >;
}

export function noMarks(): MarkCounts {
  return new Marks().counts();
}

/** The marks that were never reached. */
export function missedMarks(counts: MarkCounts): readonly Mark[] {
  return MARKS.filter((mark) => counts[mark] === 0);
}
