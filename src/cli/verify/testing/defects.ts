/**
 * What etcd-compatible stores get wrong, one defect each, with the workload that meets it and the
 * promises that must be reported as broken; and stores that only promise less.
 */
import { status } from '@grpc/grpc-js';
import type { RangeRequest } from '../../../api';
import type { AnyResponse, Defect } from './faultyStore';
import { every, header, one, withRevision, type NamedDefect } from './namedDefect';
import { watchDefects } from './watchDefects';

const isNewest = ({ revision, serializable }: RangeRequest): boolean =>
  revision === 0n && !serializable;

const right: Defect = {};
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
    name: 'has no maintenance calls',
    workload: 'kv',
    members: [{ without: ['MaintenanceService', 'ClusterService'] }],
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
  },
  {
    name: 'keeps everything',
    workload: 'coordination',
    members: [right, right],
    skipped: {},
  },
];
