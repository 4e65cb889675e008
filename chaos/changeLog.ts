/**
 * Reads all changes of a store, in order, from one member: a watch from the first revision.
 *
 * For the judge this is worth much: the changes of operations whose outcome nobody learned are in
 * it, so it need not guess what happened in the gaps. It is also a test of the watch itself, since
 * every member must show the same changes in the same order.
 */
import { FROM_KEY, type EtcdClient, type Vocabulary, type WatchHandlers } from '../src/client';
import type { WatchedChange } from '../src/history';
import { keyIn, revisionIn, revisionInStore, type StoreScope } from './storeScope';

export interface ReadChangesOptions {
  readonly client: EtcdClient;
  readonly endpoint: number;
  /** The last revision to read; it must be one that changed something. */
  readonly toRevision: number;
  /** How values are written: registers hold JSON. */
  readonly vocabulary: Vocabulary;
  readonly scope: StoreScope;
  readonly limitMs: number;
  /** Ends the reading with nothing. */
  readonly signal: AbortSignal;
}

export type ChangesRead =
  | { readonly changes: readonly WatchedChange[]; readonly problem?: string }
  | { readonly changes?: undefined; readonly reason: string };

/** Of an empty store: what was there before the first change, and the first change. */
const revisionBefore = 1;
const firstChange = 2;

function decode(value: Buffer, vocabulary: Vocabulary): unknown {
  const text = value.toString('utf8');
  if (vocabulary !== 'register') return text;
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return text;
  }
}

export type WatchedEvents = Parameters<WatchHandlers['onResponse']>[0]['events'];

/** Changes as they come over a watch, and what no watch may show. */
export class ChangeCollector {
  readonly changes: WatchedChange[] = [];
  /** Of the newest change. */
  last = 0;
  /** The first change of a key outside of the scope, and how many there were. */
  foreign: { readonly key: string; readonly rev: number } | undefined;
  foreignCount = 0;
  private wrong: string | undefined;
  private readonly seen = new Set<string>();

  constructor(
    private readonly vocabulary: Vocabulary,
    private readonly scope: StoreScope,
  ) {}

  add(events: WatchedEvents): void {
    for (const { type, kv } of events) {
      if (!kv) continue;
      const rev = revisionIn(this.scope, kv.modRevision);
      const stored = kv.key.toString('utf8');
      const own = keyIn(this.scope, stored);
      const key = own ?? stored;
      if (rev < this.last) this.wrong ??= `revision ${rev} came after revision ${this.last}`;
      if (this.seen.has(`${rev} ${key}`))
        this.wrong ??= `the change of ${key} at ${rev} came twice`;
      this.seen.add(`${rev} ${key}`);
      this.last = Math.max(this.last, rev);
      if (own === undefined) {
        this.foreign ??= { key, rev: Number(kv.modRevision) };
        this.foreignCount += 1;
        continue;
      }
      // The generated enum numbers a deletion 1.
      const isDeletion = Number(type) === 1;
      this.changes.push({ rev, key, value: isDeletion ? null : decode(kv.value, this.vocabulary) });
    }
  }

  /** What no watch may do, seen by whoever feeds this. */
  blame(wrong: string): void {
    this.wrong ??= wrong;
  }

  read(): ChangesRead {
    const { changes, wrong } = this;
    return wrong === undefined ? { changes } : { changes, problem: wrong };
  }
}

/**
 * The changes, or why there are none. `problem` says what no watch may do: revisions that go
 * back, or the same change twice.
 */
export function readChanges(options: ReadChangesOptions): Promise<ChangesRead> {
  const { client, endpoint, toRevision, vocabulary, scope, limitMs, signal } = options;
  if (toRevision <= revisionBefore) return Promise.resolve({ changes: [] });
  const ended = { reason: 'the run was ended first' };
  if (signal.aborted) return Promise.resolve(ended);
  return new Promise((resolve) => {
    const collector = new ChangeCollector(vocabulary, scope);
    const finish = (read: ChangesRead): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', cut);
      stream.close();
      resolve(read);
    };
    const cut = (): void => finish(ended);
    signal.addEventListener('abort', cut);
    const timer = setTimeout(() => {
      const reached = `revision ${collector.last} of ${toRevision}`;
      finish({ reason: `the watch reached ${reached} within ${limitMs} ms` });
    }, limitMs);
    const stream = client.watch(
      {
        onResponse: ({ events, canceled, compactRevision, cancelReason }) => {
          if (canceled) {
            const why = compactRevision > 0n ? `compacted at ${compactRevision}` : cancelReason;
            finish({ reason: `the watch was canceled: ${why}` });
            return;
          }
          collector.add(events);
          if (collector.last >= toRevision) finish(collector.read());
        },
        onEnd: ({ error }) => finish({ reason: `the watch ended: ${error}` }),
      },
      { endpoint },
    );
    stream.create({
      key: '\0',
      rangeEnd: FROM_KEY,
      startRevision: revisionInStore(scope, firstChange),
    });
  });
}
