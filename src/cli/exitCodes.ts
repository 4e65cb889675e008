/** What the exit code of every command means; stable, because CI jobs branch on it. */
export const EXIT = {
  /** All properties held. */
  ok: 0,
  /** At least one property is false. */
  violated: 1,
  /** Nothing is false, but something could not be decided. */
  undecided: 2,
  /** `serve`: this member was removed from its cluster and must not be started again. */
  removed: 3,
  /** Bad usage or unusable input. */
  usage: 64,
  /** A defect of this program. */
  internal: 70,
  /** Stopped by Ctrl-C (128 + SIGINT). */
  interrupted: 130,
} as const;
