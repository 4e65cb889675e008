/**
 * What etcd-compatible stores get wrong, one defect each, with the workload that meets it and the
 * promises of which at least one must be reported as broken.
 */
import { status } from '@grpc/grpc-js';
import type { Event, KeyValue, RangeRequest, WatchResponse } from '../../../api';
import type { AnyResponse, Defect, WatchDefect } from './faultyStore';

export interface NamedDefect {
  readonly name: string;
  readonly workload: 'register' | 'kv' | 'txn' | 'compaction' | 'coordination';
  /** One for each member. */
  readonly members: readonly Defect[];
  /** Ids of promises; all of these must be broken. */
  readonly broken: readonly string[];
}

/** True at every n-th call. */
function every(n: number): () => boolean {
  let count = 0;
  return () => ++count % n === 0;
}

function watching(
  deliver: (response: WatchResponse) => readonly WatchResponse[],
  rest: WatchDefect = {},
): Defect {
  return { watch: () => ({ deliver, ...rest }) };
}

/** A watch whose events are changed on their way. */
function events(change: (events: readonly Event[]) => readonly Event[]): Defect {
  return watching((response) => [{ ...response, events: [...change(response.events)] }]);
}

function mapKv(event: Event, change: (kv: KeyValue) => Partial<KeyValue>): Event {
  return { ...event, kv: event.kv && { ...event.kv, ...change(event.kv) } };
}

function withRevision<R extends AnyResponse>(response: R, change: (revision: bigint) => bigint): R {
  const { header } = response;
  if (header === undefined) return response;
  return { ...response, header: { ...header, revision: change(header.revision) } };
}

const isNewest = ({ revision, serializable }: RangeRequest): boolean =>
  revision === 0n && !serializable;

const right: Defect = {};
const cancelAt = (compactRevision: bigint): Partial<WatchResponse> => {
  return { canceled: true, compactRevision, events: [] };
};

function one(
  name: string,
  workload: NamedDefect['workload'],
  defect: Defect,
  ...broken: readonly string[]
): NamedDefect {
  return { name, workload, members: [defect], broken };
}

const watchDefects: readonly NamedDefect[] = [
  one('drops an event of a watch', 'register', lossy(), 'watch-reliable'),
  one('goes quiet on a watch', 'register', quiet(), 'watch-live'),
  one(
    'sends events backwards',
    'txn',
    events((all) => [...all].reverse()),
    'watch-ordered',
  ),
  one(
    'sends events twice',
    'register',
    watching((response) => (response.events.length > 0 ? [response, response] : [response])),
    'watch-unique',
  ),
  one(
    'begins a watch too early',
    'register',
    {
      watch: () => ({
        create: (request) => {
          const { startRevision } = request;
          return {
            ...request,
            startRevision: startRevision > 3n ? startRevision - 2n : startRevision,
          };
        },
      }),
    },
    'watch-not-future',
  ),
  one(
    'begins a watch too late',
    'register',
    {
      watch: () => ({
        create: (request) => {
          const { startRevision } = request;
          return { ...request, startRevision: startRevision > 0n ? startRevision + 2n : 0n };
        },
      }),
    },
    'watch-resumable',
  ),
  one(
    'ignores filters',
    'kv',
    { watch: () => ({ create: (request) => ({ ...request, filters: [] }) }) },
    'watch-filter',
  ),
  one(
    'watches more keys than asked for',
    'register',
    { watch: () => ({ create: (request) => ({ ...request, rangeEnd: Buffer.from([0]) }) }) },
    'watch-filter',
  ),
  one(
    'tells the wrong previous value',
    'register',
    events((all) =>
      all.map((event) => {
        const { prevKv } = event;
        return { ...event, prevKv: prevKv && { ...prevKv, value: Buffer.from('"made up"') } };
      }),
    ),
    'watch-prev-kv',
  ),
  one(
    'forgets previous values',
    'register',
    { watch: () => ({ create: (request) => ({ ...request, prevKv: false }) }) },
    'watch-prev-kv',
  ),
  one(
    'splits a transaction over two responses',
    'txn',
    watching((response) =>
      response.events.length < 2
        ? [response]
        : response.events.map((event) => ({ ...response, events: [event] })),
    ),
    'watch-atomic',
  ),
  one('tells of progress too early', 'register', hasty(), 'watch-bookmarkable'),
  one(
    'calls every put a creation',
    'register',
    events((all) =>
      all.map((event) => mapKv(event, ({ modRevision }) => ({ createRevision: modRevision }))),
    ),
    'watch-is-create',
  ),
  one(
    'sends another value than was written',
    'register',
    events((all) => all.map((event) => mapKv(event, () => ({ value: Buffer.from('0') })))),
    'watch-complete',
  ),
  one('goes on after a watch has ended', 'register', undead(), 'watch-ended'),
  one(
    'refuses a watch that it could serve',
    'register',
    watching((response) =>
      response.events.length === 0
        ? [response]
        : [{ ...response, ...cancelAt(response.events[0]!.kv!.modRevision) }],
    ),
    'watch-compacted',
  ),
  one(
    'never compacts',
    'compaction',
    { compact: () => Promise.resolve({ header: header(0n) }) },
    'watch-refused',
    'linearizable',
  ),
];

/** Drops the second event that there is to deliver. */
function lossy(): Defect {
  return {
    watch: () => {
      const isDropped = every(7);
      return {
        deliver: (response) => [
          { ...response, events: response.events.filter(() => !isDropped()) },
        ],
      };
    },
  };
}

/** Delivers nothing more after a while. */
function quiet(): Defect {
  return {
    watch: () => {
      let left = 6;
      return { deliver: (response) => (left-- > 0 ? [response] : []) };
    },
  };
}

/** Progress is told with a revision from the future. */
function hasty(): Defect {
  return watching((response) => {
    const isProgress = response.events.length === 0 && !response.created && !response.canceled;
    return [isProgress ? withRevision(response, (revision) => revision + 3n) : response];
  });
}

/** Says that a watch is over and sends on. */
function undead(): Defect {
  return watching((response) =>
    response.events.length === 0
      ? [response]
      : [{ ...response, events: [], canceled: true }, response],
  );
}

function header(revision: bigint) {
  return { clusterId: 1n, memberId: 1n, revision, raftTerm: 1n };
}

const kvDefects: readonly NamedDefect[] = [
  one('answers stale reads', 'register', stale(), 'linearizable'),
  one('loses writes', 'kv', losing(), 'linearizable'),
  one(
    'forgets what it acknowledged',
    'register',
    {
      range: async (request, next) => {
        if (!isNewest(request)) return next(request);
        const { header: now } = await next(request);
        return { ...(await next({ ...request, revision: frozenAt(now!.revision) })), header: now };
      },
    },
    'durable',
  ),
  one(
    'has revisions that go back',
    'register',
    { any: shaken() },
    'revisions',
    'revisions-cluster',
  ),
  one(
    'gives no revisions',
    'register',
    { any: (response) => ({ ...response, header: undefined }) },
    'headers',
  ),
  one(
    'applies a transaction in pieces',
    'txn',
    {
      txn: async (request, next) => {
        const isPlain = request.compare.length === 0 && request.success.length > 1;
        if (!isPlain) return next(request);
        const parts = [];
        for (const operation of request.success) {
          parts.push(await next({ compare: [], success: [operation], failure: [] }));
        }
        const responses = parts.flatMap((part) => part.responses);
        return { ...parts.at(-1)!, succeeded: true, responses };
      },
    },
    'linearizable',
  ),
  one(
    'ignores comparisons',
    'coordination',
    { txn: (request, next) => next({ ...request, compare: [] }) },
    'lock-exclusive',
  ),
  one(
    'keeps no versions',
    'txn',
    {
      range: async (request, next) => {
        const response = await next(request);
        return { ...response, kvs: response.kvs.map((kv) => ({ ...kv, version: 1n })) };
      },
    },
    'linearizable',
    'serializable',
  ),
  one(
    'reads the newest state instead of the past',
    'txn',
    { range: (request, next) => next({ ...request, revision: 0n }) },
    'serializable',
  ),
  one(
    'makes up serializable reads',
    'txn',
    {
      range: async (request, next) => {
        const response = await next(request);
        return request.serializable ? { ...response, kvs: response.kvs.slice(1) } : response;
      },
    },
    'serializable',
  ),
  one(
    'counts only what it returns',
    'txn',
    {
      range: async (request, next) => {
        const response = await next(request);
        return { ...response, count: BigInt(response.kvs.length), more: false };
      },
    },
    'linearizable',
  ),
  {
    name: 'has a member with other data',
    workload: 'register',
    members: [
      right,
      {
        hashKv: async (request, next) => {
          const response = await next(request);
          return { ...response, hash: response.hash + 1 };
        },
      },
    ],
    broken: ['agree'],
  },
];

/** Each fifth linearizable read is of a moment ago. */
function stale(): Defect {
  const isStale = every(5);
  return {
    range: async (request, next) => {
      if (!isNewest(request) || !isStale()) return next(request);
      const { header: now } = await next(request);
      const revision = now!.revision > 6n ? now!.revision - 5n : 0n;
      return next({ ...request, revision });
    },
  };
}

/** Each tenth put is acknowledged and nothing else. */
function losing(): Defect {
  const isLost = every(10);
  return {
    put: async (request, next, store) => {
      if (!isLost()) return next(request);
      const read = { ...emptyRange, key: request.key };
      const { header: now } = await store.range(read);
      return { header: header(now!.revision + 1n), prevKv: undefined };
    },
  };
}

const emptyRange: RangeRequest = {
  ...{ key: Buffer.alloc(0), rangeEnd: Buffer.alloc(0), limit: 0n, revision: 0n },
  ...{ sortOrder: 0, sortTarget: 0, serializable: false, keysOnly: false, countOnly: false },
  ...{ minModRevision: 0n, maxModRevision: 0n, minCreateRevision: 0n, maxCreateRevision: 0n },
};

/** The first revision of each hundred: what came later is not to be seen. */
function frozenAt(revision: bigint): bigint {
  return revision > 20n ? 20n : 0n;
}

/** Some headers tell an old revision. */
function shaken(): (response: AnyResponse) => AnyResponse {
  const isOld = every(9);
  return (response) =>
    isOld()
      ? withRevision(response, (revision) => (revision > 9n ? revision - 8n : revision))
      : response;
}

const leaseDefects: readonly NamedDefect[] = [
  one(
    'ends leases too early',
    'coordination',
    {
      leaseGrant: async (request, next, store) => {
        const granted = await next(request);
        setTimeout(() => void store.leaseRevoke({ ID: granted.ID }).catch(() => undefined), 400);
        return granted;
      },
    },
    'lease-alive',
  ),
  one('never ends leases', 'coordination', { leasesEnd: false }, 'lease-expires'),
  one(
    'attaches no keys to leases',
    'coordination',
    { put: (request, next) => next({ ...request, lease: 0n }) },
    'lease-attached',
    'lease-revoked',
    'lease-expires',
  ),
  one(
    'revokes no leases',
    'coordination',
    {
      leaseRevoke: (_, __, store) =>
        store.range(emptyOf('x')).then((got) => ({ header: got.header })),
    },
    'lease-revoked',
  ),
  one(
    'says that a lease is gone which is not',
    'coordination',
    {
      leaseKeepAlive: async (request, next) => ({ ...(await next(request)), TTL: 0n }),
    },
    'lease-alive',
  ),
];

function emptyOf(key: string): RangeRequest {
  return { ...emptyRange, key: Buffer.from(key) };
}

export const defects: readonly NamedDefect[] = [...watchDefects, ...kvDefects, ...leaseDefects];

function refused(details: string): () => Promise<never> {
  return () => Promise.reject(Object.assign(new Error(details), { code: status.UNKNOWN, details }));
}

/** Stores that keep what they promise, but promise less or are in a bad way. */
export const poorStores: readonly (Omit<NamedDefect, 'broken'> & {
  /** Promises that cannot be judged, each with what its reason says. */
  readonly skipped: Readonly<Record<string, RegExp>>;
  /** Promises of which perhaps nothing can be said. */
  readonly mayBeUnknown?: readonly string[];
})[] = [
  {
    name: 'has no watches',
    workload: 'register',
    members: [{ without: ['WatchService'] }],
    skipped: { 'watch-reliable': /has no watches: unimplemented/ },
  },
  {
    name: 'has no leases',
    workload: 'coordination',
    members: [{ without: ['LeaseService'] }],
    skipped: {
      'lease-alive': /has no leaseGrant: unimplemented/,
      'lock-exclusive': /has no acquire: unimplemented/,
      exercised: /the store has no acquire/,
    },
  },
  {
    name: 'cannot hash what it holds',
    workload: 'register',
    members: [{ without: ['hashKv'] }, { hashKv: refused('hash kv is not supported') }],
    skipped: {},
  },
  {
    name: 'answers slowly',
    workload: 'register',
    members: [{ any: (response) => new Promise((resolve) => setTimeout(resolve, 150, response)) }],
    skipped: {},
  },
  {
    name: 'closes watches all the time',
    workload: 'register',
    members: [{ watch: () => ({ responsesMax: 3 }) }],
    skipped: {},
    mayBeUnknown: ['watch-live'],
  },
  {
    name: 'keeps everything',
    workload: 'coordination',
    members: [right, right],
    skipped: {},
  },
];
