/**
 * Follows all changes of a store while faults go on, for workloads that compact: at the end of such
 * a run the past is gone, and nobody could tell what became of operations without an answer.
 *
 * Whenever its stream ends it goes on at the next member, behind the last revision it has seen;
 * events of one revision come together, so none is missed or comes twice. Where what it needs is
 * compacted already, it has nothing to say.
 */
import { EtcdClient, FROM_KEY, type Vocabulary, type WatchStream } from '../src/client';
import { ChangeCollector, type ChangesRead } from './changeLog';
import { revisionInStore, wholeStore, type StoreScope } from './storeScope';
import type { StoreAccess } from './target';
import { waitFor } from './wait';

/** The revision of the first change that there can be. */
const firstChange = 2;
/** Before the next member is tried. */
const reopenMs = 200;
/** A member that is cut off holds its stream open and shows nothing: then another one is asked. */
const silentMs = 3_000;

export class ChangeFollower {
  private readonly collector: ChangeCollector;
  private readonly client: EtcdClient;
  private stream: WatchStream | undefined;
  private reopening: NodeJS.Timeout | undefined;
  private endpoint = 0;
  private lost: string | undefined;
  private isClosed = false;
  private readonly watchdog: NodeJS.Timeout;
  private lastSeenAtLook = 0;

  constructor(
    private readonly endpoints: readonly string[],
    vocabulary: Vocabulary,
    private readonly scope: StoreScope = wholeStore,
    access: StoreAccess = {},
  ) {
    this.collector = new ChangeCollector(vocabulary, scope);
    this.client = new EtcdClient({ endpoints: [...endpoints], ...access });
    this.open();
    this.watchdog = setInterval(() => this.look(), silentMs);
  }

  /** All changes up to a revision, or why there are none. */
  async upTo(revision: number, limitMs: number, signal: AbortSignal): Promise<ChangesRead> {
    const { collector } = this;
    const isDone = (): true | undefined =>
      this.lost !== undefined || collector.last >= revision || undefined;
    const what = `the watch of all changes to reach revision ${revision}`;
    try {
      await waitFor(isDone, { what, limitMs, signal });
    } catch (error) {
      return { reason: (error as Error).message };
    }
    return this.lost === undefined ? collector.read() : { reason: this.lost };
  }

  /** What somebody else changed meanwhile, in words; undefined when nobody did. */
  get foreign(): string | undefined {
    const { foreign, foreignCount } = this.collector;
    if (foreign === undefined) return undefined;
    const first = `the first of ${JSON.stringify(foreign.key)} at revision ${foreign.rev}`;
    return `others changed this store ${foreignCount} times meanwhile, ${first}`;
  }

  close(): void {
    this.isClosed = true;
    clearInterval(this.watchdog);
    clearTimeout(this.reopening);
    this.stream?.close();
    this.client.close();
  }

  private open(): void {
    const { collector } = this;
    const stream: WatchStream = this.client.watch(
      {
        onResponse: ({ events, canceled, compactRevision, cancelReason }) => {
          if (stream !== this.stream) return;
          collector.add(events);
          if (!canceled) return;
          if (compactRevision === 0n) this.reopen();
          else this.lost ??= `what follows ${collector.last} is compacted ${cancelReason}`.trim();
        },
        onEnd: ({ code, error }) => {
          if (stream !== this.stream) return;
          if (code === 'unimplemented') this.lost ??= `the store has no watches: ${error}`;
          else this.reopen();
        },
      },
      { endpoint: this.endpoint },
    );
    this.stream = stream;
    stream.create({
      key: '\0',
      rangeEnd: FROM_KEY,
      startRevision: revisionInStore(this.scope, Math.max(firstChange, collector.last + 1)),
    });
  }

  private reopen(): void {
    if (this.isClosed || this.lost !== undefined) return;
    const { stream } = this;
    this.stream = undefined;
    stream?.close();
    clearTimeout(this.reopening);
    this.endpoint = (this.endpoint + 1) % this.endpoints.length;
    this.reopening = setTimeout(() => this.open(), reopenMs);
  }

  private look(): void {
    if (this.collector.last === this.lastSeenAtLook && this.stream) this.reopen();
    this.lastSeenAtLook = this.collector.last;
  }
}
