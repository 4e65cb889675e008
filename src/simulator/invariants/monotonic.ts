/**
 * What only grows while a process lives. (Across a crash the durable part is the affair of
 * `durablePromises`; commit and applied index may start again from a snapshot.)
 */
import type { Invariant, MemberState, MemberView, Report } from './invariant';

const GROWING = ['term', 'commitIndex', 'appliedIndex', 'revision'] as const;

export class Monotonic implements Invariant {
  readonly name = 'monotonic';
  readonly sentence =
    'Term, commit index, applied index and revision of a running member never go back.';

  constructor(private readonly report: Report) {}

  changed(member: MemberView): void {
    const { before, now } = member;
    if (before === undefined) return;
    for (const field of GROWING) {
      if (now[field] < before[field]) this.fail(member, field, before);
    }
    if (now.appliedIndex > now.commitIndex) {
      this.report(
        this,
        `n${member.id} has applied ${now.appliedIndex}, past its commit index ${now.commitIndex}`,
      );
    }
  }

  private fail(member: MemberView, field: keyof MemberState, before: MemberState): void {
    this.report(
      this,
      `${field} of n${member.id} goes back from ${before[field]} to ${member.now[field]}`,
    );
  }
}
