/** What stores get wrong about watches. */
import type { Event, KeyValue, WatchResponse } from '../../../api';
import type { Defect, WatchDefect } from './faultyStore';
import { every, header, one, withRevision, type NamedDefect } from './namedDefect';

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

const cancelAt = (compactRevision: bigint): Partial<WatchResponse> => {
  return { canceled: true, compactRevision, events: [] };
};

export const watchDefects: readonly NamedDefect[] = [
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
