/**
 * Follows all changes of a store while faults go on, for workloads that compact: at the end of such
 * a run the past is gone, and nobody could tell what became of operations without an answer.
 *
 * Under faults one watch is not enough: its member is cut off, the others go on and compact, and
 * what it has not shown by then is gone. So every member is watched, and what one shows first is
 * taken. A stream that ends is opened again behind the last revision that any has shown; events of
 * one revision come together, so none is missed or taken twice. Where what is needed is compacted
 * at every member, there is nothing to say.
 */
import { EtcdClient, FROM_KEY, type Vocabulary, type WatchStream } from '../src/client';
import { ChangeCollector, type ChangesRead, type WatchedEvents } from './changeLog';
import { revisionIn, revisionInStore, wholeStore, type StoreScope } from './storeScope';
import type { StoreAccess } from './target';
import { waitFor } from './wait';

/** The revision of the first change that there can be. */
const firstChange = 2;
/** Before the next member is tried. */
const reopenMs = 200;
/** A member that is cut off holds its stream open and shows nothing: then another one is asked. */
const silentMs = 3_000;

export interface FollowOptions {
  /** Default the whole store. */
  readonly scope?: StoreScope;
  readonly access?: StoreAccess;
  /** How many members are watched at once; one watch goes from member to member. Default all. */
  readonly watches?: number;
}

/** A watch of all changes at one member. */
interface Strand {
  endpoint: number;
  stream?: WatchStream | undefined;
  reopening?: NodeJS.Timeout;
  /** Newest revision it has shown. */
  last: number;
  lastAtLook: number;
  /** Why the member would not show what comes next. */
  refusal?: string | undefined;
}

export class ChangeFollower {
  private readonly collector: ChangeCollector;
  private readonly client: EtcdClient;
  private readonly scope: StoreScope;
  private readonly strands: readonly Strand[];
  /** Who showed the newest change. */
  private ahead: Strand | undefined;
  private lost: string | undefined;
  private isClosed = false;
  private readonly watchdog: NodeJS.Timeout;

  constructor(
    private readonly endpoints: readonly string[],
    vocabulary: Vocabulary,
    { scope = wholeStore, access = {}, watches = endpoints.length }: FollowOptions = {},
  ) {
    this.scope = scope;
    this.collector = new ChangeCollector(vocabulary, scope);
    this.client = new EtcdClient({ endpoints: [...endpoints], ...access });
    this.strands = Array.from({ length: Math.min(watches, endpoints.length) }, (_, endpoint) => ({
      ...{ endpoint, last: 0, lastAtLook: 0 },
    }));
    for (const strand of this.strands) this.open(strand);
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
    for (const strand of this.strands) {
      clearTimeout(strand.reopening);
      strand.stream?.close();
    }
    this.client.close();
  }

  private open(strand: Strand): void {
    const { collector } = this;
    const stream: WatchStream = this.client.watch(
      {
        onResponse: ({ events, canceled, compactRevision, cancelReason }) => {
          if (stream !== strand.stream) return;
          if (events.length > 0) this.take(strand, events);
          if (!canceled) return;
          if (compactRevision !== 0n) {
            this.refuse(strand, `what follows ${collector.last} is compacted ${cancelReason}`);
          }
          this.reopen(strand);
        },
        onEnd: ({ code, error }) => {
          if (stream !== strand.stream) return;
          if (code === 'unimplemented') this.lost ??= `the store has no watches: ${error}`;
          else this.reopen(strand);
        },
      },
      { endpoint: strand.endpoint },
    );
    strand.stream = stream;
    strand.last = collector.last;
    stream.create({
      key: '\0',
      rangeEnd: FROM_KEY,
      startRevision: revisionInStore(this.scope, Math.max(firstChange, collector.last + 1)),
    });
  }

  /** What others have shown already is only looked at for its order. */
  private take(strand: Strand, events: WatchedEvents): void {
    const { collector } = this;
    const known = collector.last;
    const revisions = events.map(({ kv }) => (kv ? revisionIn(this.scope, kv.modRevision) : 0));
    if (revisions[0]! < strand.last) {
      collector.blame(`revision ${revisions[0]} came after revision ${strand.last}`);
    }
    // Of the strand that is ahead all is taken: a repetition is for the collector to see.
    const taken = events.filter((_, i) => this.ahead === strand || revisions[i]! > known);
    if (taken.length > 0) this.ahead = strand;
    collector.add(taken);
    strand.last = Math.max(strand.last, ...revisions);
    strand.refusal = undefined;
  }

  private refuse(strand: Strand, why: string): void {
    strand.refusal = why.trim();
    if (this.strands.every(({ refusal }) => refusal !== undefined)) this.lost ??= strand.refusal;
  }

  private reopen(strand: Strand): void {
    if (this.isClosed || this.lost !== undefined) return;
    const { stream } = strand;
    strand.stream = undefined;
    stream?.close();
    clearTimeout(strand.reopening);
    // With a watch for each member it stays where it is.
    strand.endpoint = (strand.endpoint + this.strands.length) % this.endpoints.length;
    strand.reopening = setTimeout(() => this.open(strand), reopenMs);
  }

  private look(): void {
    for (const strand of this.strands) {
      if (strand.last === strand.lastAtLook && strand.stream) this.reopen(strand);
      strand.lastAtLook = strand.last;
    }
  }
}
