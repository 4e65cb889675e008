/**
 * Watches see what watches of a real etcd see: the same changes on both sides, the same watches
 * created before and between them, and at the end each watch has got the same events, the same
 * way: created, refused or canceled, value, revisions, previous value.
 *
 * How events are spread over responses is free, so they are compared as one list. The end is a
 * change of every key, which all watches wait for, and so is what comes before a compaction: etcd
 * cancels watches that it has not caught up with by then. Left out is where etcd 3.4 loses events
 * (a delete at the compacted revision), and two changes of a key in one revision, whose second
 * event it gives the previous value of the first.
 */
import * as fc from 'fast-check';
import type { Event, WatchResponse } from '../../api';
import type { EtcdClient } from '../../client';
import { type OpInit, type Outcome, type WatchInit } from '../../client';
import { watchCreateRequest } from '../../client/watchStream';
import { etcdVersion } from '../../client/testing/etcdProcess';
import { withProgram } from '../../client/testing/withProgram';
import { EtcdPair } from './testing/etcdPair';
import { WatchLog } from './testing/watchLog';

const version = etcdVersion();
const withEtcd = withProgram(describe, 'etcd', ['--version']);

/** A watch of no key is one of the smallest. */
const keys = ['a', 'b', 'c', 'ab', 'b\0', '\0'] as const;

type Step =
  | { readonly kind: 'change'; readonly ops: readonly OpInit[] }
  /** Drops all revisions before the newest. */
  | { readonly kind: 'compact' }
  /** The watch that was created so long ago, or one that does not exist. */
  | { readonly kind: 'cancel'; readonly stream: number; readonly ago: number }
  /** Starts so many revisions before the newest; 0 and less: with the next change or later. */
  | {
      readonly kind: 'watch';
      readonly stream: number;
      readonly start: { readonly back: number } | { readonly revision: bigint };
      readonly watch: WatchInit;
    };

const STREAMS = 2;
/** Of these no change ever comes. */
const NEVER = [2n ** 63n - 1n, 2n ** 53n] as const;

const key = fc.constantFrom(...keys);
const value = fc.constantFrom('', 'x', 'y');
const op: fc.Arbitrary<OpInit> = fc.oneof(
  { weight: 3, arbitrary: fc.record({ op: fc.constant('put' as const), key, value }) },
  { weight: 1, arbitrary: fc.record({ op: fc.constant('delete' as const), key }) },
);

const change = fc.record({
  kind: fc.constant('change' as const),
  ops: fc.uniqueArray(op, {
    minLength: 1,
    maxLength: 3,
    selector: (each) => (each.op === 'txn' ? '' : each.key),
  }),
});

const watch = fc.record({
  kind: fc.constant('watch' as const),
  stream: fc.nat(STREAMS - 1),
  start: fc.oneof(
    { weight: 8, arbitrary: fc.record({ back: fc.integer({ min: -3, max: 12 }) }) },
    { weight: 3, arbitrary: fc.constant({ revision: 0n }) },
    {
      weight: 1,
      arbitrary: fc.record({ revision: fc.constantFrom(-1n, -(2n ** 63n), ...NEVER) }),
    },
  ),
  watch: fc.record({
    key: fc.constantFrom(...keys, ''),
    rangeEnd: fc.constantFrom('', '', '\0', 'b', 'c', 'd'),
    prevKv: fc.boolean(),
    progressNotify: fc.boolean(),
    fragment: fc.boolean(),
    without: fc.constantFrom<readonly ('put' | 'delete')[]>([], [], ['put'], ['delete']),
    watchId: fc.constantFrom(0n, 0n, 0n, 3n, -1n, -7n, 2n ** 62n),
  }),
});

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 30, arbitrary: change },
  { weight: 12, arbitrary: watch },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('cancel' as const),
      stream: fc.nat(STREAMS - 1),
      ago: fc.nat(3),
    }),
  },
  { weight: 1, arbitrary: fc.constant({ kind: 'compact' as const }) },
);

function revisionOf(outcome: Outcome<unknown>): number {
  if (outcome.type !== 'ok') throw new Error(`${outcome.code}: ${outcome.error}`);
  return outcome.revision;
}

/** A watch that was answered, as one of the two servers has it. */
interface Asked {
  readonly log: WatchLog;
  readonly answer: WatchResponse;
  readonly without: readonly ('put' | 'delete')[];
  /** False: too far in the future for any event. */
  readonly starts: boolean;
  /** Where its responses begin: the number of one that was canceled may be used again. */
  readonly from: number;
  isCanceled: boolean;
}

function responsesOf({ log, from, answer: { watchId } }: Asked): readonly WatchResponse[] {
  return log.responses.slice(from).filter((response) => response.watchId === watchId);
}

/** How a watch that had begun was canceled. */
function endOf(asked: Asked): WatchResponse | undefined {
  return responsesOf(asked).find(({ canceled, created }) => canceled && !created);
}

const endedByServer = (asked: Asked): boolean => !asked.isCanceled && endOf(asked) !== undefined;

const eventsOf = (asked: Asked): readonly Event[] =>
  responsesOf(asked).flatMap(({ events }) => events);

/** What takes longer never comes. */
const PATIENCE_MS = 20_000;

/** Waits for responses of a stream; `what` says which, if they do not come. */
async function until(log: WatchLog, what: string, condition: () => boolean): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    const give = () => reject(new Error(`not within ${PATIENCE_MS} ms: ${what}`));
    timer = setTimeout(give, PATIENCE_MS);
  });
  await Promise.race([log.until(condition), late]).finally(() => clearTimeout(timer));
}

/** One of the two servers with the watches of one run. */
class Side {
  private readonly logs: readonly WatchLog[];
  private readonly asked: Asked[] = [];
  private newest = 0;
  private compacted = 0;

  constructor(private readonly client: EtcdClient) {
    this.logs = Array.from({ length: STREAMS }, () => new WatchLog(client));
  }

  async run(steps: readonly Step[]): Promise<string[]> {
    try {
      return await this.carryOut(steps);
    } finally {
      for (const log of this.logs) log.stream.close();
    }
  }

  private async carryOut(steps: readonly Step[]): Promise<string[]> {
    await this.mark();
    // By the reset, whose last change follows its compaction.
    this.compacted = this.newest - 2;
    for (const each of steps) {
      switch (each.kind) {
        case 'change':
          this.newest = revisionOf(await this.client.txn({ success: each.ops }));
          break;
        case 'compact':
          await this.settle();
          await this.mark();
          this.compacted = this.newest;
          revisionOf(await this.client.compact({ revision: this.newest, physical: true }));
          break;
        case 'cancel':
          await this.cancel(this.logs[each.stream]!, each.ago);
          break;
        case 'watch':
          await this.watch(this.logs[each.stream]!, each);
      }
    }
    await this.settle();
    return this.asked.map((asked) => show(asked));
  }

  /** A put of a key that hardly anybody watches. */
  private async mark(): Promise<void> {
    this.newest = revisionOf(await this.client.put({ key: 'mark', value: '' }));
  }

  private async watch(
    log: WatchLog,
    { start, watch }: Extract<Step, { kind: 'watch' }>,
  ): Promise<void> {
    const startRevision =
      'back' in start ? BigInt(Math.max(1, this.newest + 1 - start.back)) : start.revision;
    const created = () => log.responses.filter((response) => response.created);
    const before = created().length;
    // Etcd never gives the number of a watch free that it has ended itself.
    const isSpent = this.asked.some(
      (asked) =>
        asked.log === log && asked.answer.watchId === watch.watchId && endedByServer(asked),
    );
    const watchId = isSpent ? 0n : (watch.watchId ?? 0n);
    const value = { ...watchCreateRequest(watch), watchId, startRevision };
    log.stream.send({ $case: 'createRequest', value });
    const from = log.responses.length;
    await until(log, `an answer to ${shown(value)}`, () => created().length > before);
    const answer = created().at(-1)!;
    const { without = [] } = watch;
    const starts = !NEVER.some((never) => never === startRevision);
    const asked = { log, answer, without, starts, from, isCanceled: answer.canceled };
    this.asked.push(asked);
    if (answer.canceled || startRevision === 0n || startRevision >= this.compacted) return;
    await until(log, 'the end of a compacted watch', () => endOf(asked) !== undefined);
  }

  private async cancel(log: WatchLog, ago: number): Promise<void> {
    const open = this.asked.filter((asked) => asked.log === log && !asked.isCanceled);
    const asked = open.at(-1 - ago);
    if (asked === undefined) return log.stream.cancel(77n);
    const { watchId } = asked.answer;
    asked.isCanceled = true;
    log.stream.cancel(watchId);
    await until(log, `the end of watch ${watchId}`, () => endOf(asked) !== undefined);
  }

  /** Until all watches have got what they will get. */
  private async settle(): Promise<void> {
    const puts = keys.map((key) => ({ op: 'put', key, value: 'end' }) as const);
    // Later than the last start that a watch can have.
    for (let i = 0; i < 4; i++) revisionOf(await this.client.txn({ success: puts }));
    const lastPut = revisionOf(await this.client.txn({ success: puts }));
    const deletes = keys.map((key) => ({ op: 'delete', key }) as const);
    const lastDelete = revisionOf(await this.client.txn({ success: deletes }));
    this.newest = lastDelete;
    for (const asked of this.asked) {
      const { log, answer, without, starts, isCanceled } = asked;
      if (isCanceled || !starts) continue;
      const end = without.includes('delete') ? lastPut : lastDelete;
      const reached = () => Number(eventsOf(asked).at(-1)?.kv?.modRevision ?? 0n) >= end;
      await until(log, `revision ${end} for watch ${answer.watchId}`, () => {
        return endOf(asked) !== undefined || reached();
      });
    }
  }
}

function show(asked: Asked): string {
  const { watchId, canceled, cancelReason, compactRevision } = asked.answer;
  const text = (bytes: Buffer) => bytes.toString('latin1');
  const kvShown = (kv: Event['kv']) =>
    kv && [text(kv.key), text(kv.value), kv.createRevision, kv.modRevision, kv.version, kv.lease];
  const end = asked.isCanceled ? undefined : endOf(asked);
  return shown({
    watchId,
    canceled,
    cancelReason,
    compactRevision,
    end: end && [end.compactRevision, end.cancelReason],
    // What comes before a client cancels a watch is a matter of time.
    events: asked.isCanceled
      ? []
      : eventsOf(asked).map(({ type, kv, prevKv }) => [type, kvShown(kv), kvShown(prevKv)]),
  });
}

function shown(value: object): string {
  return JSON.stringify(value, (_key, field: unknown) =>
    typeof field === 'bigint' ? `${field}` : field,
  );
}

withEtcd(`watches of a member and of etcd ${version}`, () => {
  let pair: EtcdPair | undefined;

  afterAll(() => pair?.close());

  test('see the same events', async () => {
    const steps = fc.array(step, { minLength: 3, maxLength: 25 });
    await fc.assert(
      fc.asyncProperty(steps, async (steps) => {
        pair ??= await EtcdPair.start();
        try {
          await pair.reset();
          const [theirs, ours] = await Promise.all(
            pair.clients.map((client) => new Side(client).run(steps)),
          );
          expect(ours).toEqual(theirs);
        } catch (error) {
          // From here on their states may differ: the next run, shrunk, begins anew.
          await pair.close();
          pair = undefined;
          throw error;
        }
      }),
      { numRuns: Number(process.env['SAME_AS_ETCD_RUNS'] ?? 40) },
    );
  });
});
