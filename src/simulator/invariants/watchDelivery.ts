/**
 * The six promises of a watch (etcd's own validators): ordered, unique, reliable (no gap),
 * atomic (a revision whole), resumable, bookmarkable (nothing at or before a progress response
 * comes after it). All of them are one comparison with the changes as the members applied them.
 */
import type { KvEvent, WatchResponse } from '../../kv';
import type { NodeId } from '../../raft/types';
import type { Invariant, Report } from './invariant';

/** One watching client, over all its connections. */
export interface WatchView {
  readonly id: number;
  /** Undefined: all keys. */
  readonly key: string | undefined;
  /** The first revision it has not heard of; 0: not known before the watch was created. */
  next: number;
}

export class WatchDelivery implements Invariant {
  readonly name = 'watch';
  readonly sentence =
    'A watch gets every change once, in order, from where it began, and no progress too early.';

  /** `changesAt` gives the changes of a revision, undefined when nobody has applied it. */
  constructor(
    private readonly report: Report,
    private readonly changesAt: (revision: number) => readonly KvEvent[] | undefined,
  ) {}

  watcher(id: number, key: string | undefined): WatchView {
    return { id, key, next: 0 };
  }

  received(view: WatchView, member: NodeId, response: WatchResponse): void {
    const { canceled, compactRevision, created, revision, events } = response;
    if (canceled) {
      if (compactRevision > 0) this.compacted(view, member, compactRevision);
      return;
    }
    if (created) {
      if (view.next === 0) view.next = revision + 1;
      return;
    }
    const first = events[0]?.kv.modRevision;
    if (first !== undefined && first < view.next) {
      this.fail(view, member, `gets revision ${first} after it had all up to ${view.next - 1}`);
      return;
    }
    this.compare(view, member, revision, events);
    view.next = Math.max(view.next, revision + 1);
  }

  private compacted(view: WatchView, member: NodeId, compactRevision: number): void {
    if (compactRevision <= view.next) {
      const why = `is cancelled for a compaction at ${compactRevision}, it wants ${view.next}`;
      this.fail(view, member, why);
    }
    view.next = Math.max(view.next, compactRevision);
  }

  /** What came must be exactly what changed from `next` up to the revision of the response. */
  private compare(view: WatchView, member: NodeId, upTo: number, events: readonly KvEvent[]): void {
    let at = 0;
    for (let revision = view.next; revision <= upTo; revision++) {
      const changes = this.changesAt(revision);
      if (changes === undefined) {
        this.fail(view, member, `hears of revision ${revision}, which nobody has applied`);
        return;
      }
      for (const change of changes) {
        if (view.key !== undefined && change.kv.key !== view.key) continue;
        const given = events[at++];
        if (given !== undefined && same(given, change)) continue;
        this.fail(view, member, `should get ${describe(change)} next and gets ${describe(given)}`);
        return;
      }
    }
    if (at < events.length) {
      this.fail(view, member, `gets ${describe(events[at])}, which is not due up to ${upTo}`);
    }
  }

  private fail(view: WatchView, member: NodeId, what: string): void {
    const keys = view.key === undefined ? 'all keys' : view.key;
    this.report(this, `watcher ${view.id} of ${keys} at n${member} ${what}`);
  }
}

function same(a: KvEvent, b: KvEvent): boolean {
  return (
    a.type === b.type &&
    a.kv.key === b.kv.key &&
    a.kv.modRevision === b.kv.modRevision &&
    a.kv.version === b.kv.version &&
    a.kv.createRevision === b.kv.createRevision
  );
}

function describe(event: KvEvent | undefined): string {
  if (event === undefined) return 'nothing';
  return `the ${event.type} of ${event.kv.key} at revision ${event.kv.modRevision}`;
}
