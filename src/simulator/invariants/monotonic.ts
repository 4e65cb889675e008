/**
 * What only grows while a process lives. (Across a crash the durable part is the affair of
 * `durablePromises`; commit and applied index may start again from a snapshot.)
 */
import type { Invariant, MemberState, MemberView, Report } from './invariant';

export class Monotonic implements Invariant {
  readonly name = 'monotonic';
  readonly sentence =
    'Term, commit index, applied index and revision of a running member never go back.';

  constructor(private readonly report: Report) {}

  changed(member: MemberView): void {
    const { before, now } = member;
    if (before === undefined) return;
    if (now.term < before.term) this.fail(member, 'term', before);
    if (now.commitIndex < before.commitIndex) this.fail(member, 'commitIndex', before);
    if (now.appliedIndex < before.appliedIndex) this.fail(member, 'appliedIndex', before);
    if (now.revision < before.revision) this.fail(member, 'revision', before);
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
