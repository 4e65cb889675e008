import { prefixEnd } from '../../src/history';
import type { WatchEvent, WatchLog, WatchResponse } from '../../src/history';
import { Replay, replayOf } from './replay';
import { checkSerializable } from './serializable';
import { broken, deletion, operation, progress, put, response, watch } from './testing';
import { checkWatches } from './watch';

/** What the store did: a created, changed and deleted, b and c made in one revision. */
const replay = new Replay([
  { rev: 2, key: 'a', value: '1' },
  { rev: 3, key: 'a', value: '2' },
  { rev: 4, key: 'b', value: '3' },
  { rev: 4, key: 'c', value: '4' },
  { rev: 5, key: 'a', value: null },
  { rev: 6, key: 'a', value: '5' },
]);
const events: readonly WatchEvent[] = [
  put(2, 'a', '1'),
  put(3, 'a', '2'),
  put(4, 'b', '3'),
  put(4, 'c', '4'),
  deletion(5, 'a'),
  put(6, 'a', '5'),
];
const all = { key: '\0', end: '\0', revision: 1 };
const check = (log: WatchLog) => broken(checkWatches([log], replay));
const full = (...responses: readonly WatchResponse[]) => check(watch(all, ...responses));

describe('a watch that keeps all rules', () => {
  it('delivers everything, in one response or in many, with progress between', () => {
    expect(full(response(...events))).toEqual({});
    const some = [response(...events.slice(0, 2)), progress(3), response(...events.slice(2))];
    expect(full(...some, progress(6), progress(9))).toEqual({});
  });

  it('may start late, ask for one key, and leave out kinds of events', () => {
    expect(check(watch({ key: 'a', revision: 3 }, response(events[1]!)))).toEqual({});
    const noput = watch({ ...all, filters: ['noput'] }, response(events[4]!), progress(6));
    expect(check(noput)).toEqual({});
    const prefix = watch({ key: 'b', end: prefixEnd('b'), revision: 1 }, response(events[2]!));
    expect(check(prefix)).toEqual({});
  });

  it('may cut the events of a revision into fragments that say so', () => {
    const first = { ...response(...events.slice(0, 3)), isFragment: true };
    expect(full(first, response(...events.slice(3)))).toEqual({});
  });

  it('may tell what it knows of before', () => {
    const prev = { value: '1', mod: 2, version: 1 };
    const told = [
      { ...events[0]!, isCreate: true },
      { ...events[1]!, isCreate: false, prev },
    ];
    expect(full(response(...told))).toEqual({});
  });

  it('is undecided without events, and without a full history where one is needed', () => {
    const verdicts = (log: WatchLog, of: Replay | undefined) =>
      new Set(checkWatches([log], of).map(({ verdict }) => verdict));
    expect(verdicts(watch(all), replay)).toEqual(new Set(['unknown']));
    const reasons = checkWatches([watch(all, response(...events))], undefined)
      .filter(({ verdict }) => verdict === 'unknown')
      .map(({ rule }) => rule);
    expect(reasons).toEqual([
      'watch-resumable',
      'watch-is-create',
      'watch-reliable',
      'watch-prev-kv',
    ]);
  });
});

describe('each rule notices what breaks it', () => {
  it('filter: a key or a kind that was not asked for', () => {
    expect(check(watch({ key: 'b', revision: 2 }, response(events[0]!)))).toMatchObject({
      'watch-filter': 'watch w: the put of a at revision 2 was not asked for',
    });
    const nodelete = watch({ ...all, filters: ['nodelete'] }, response(events[4]!));
    expect(check(nodelete)).toHaveProperty('watch-filter');
  });

  it('ordered: a revision that goes back', () => {
    expect(full(response(events[1]!, events[0]!))).toMatchObject({
      'watch-ordered': 'watch w: the put of a at revision 2 came after one at revision 3',
    });
  });

  it('unique: an event that comes twice', () => {
    expect(full(response(events[0]!), response(...events))).toMatchObject({
      'watch-unique': 'watch w: the put of a at revision 2 came twice',
    });
    const twoKeys = checkWatches([watch(all, response(...events))], replay, {
      expectUniqueRevisions: true,
    });
    expect(broken(twoKeys)).toEqual({
      'watch-unique': 'watch w: revision 4 came twice, the second time with c',
    });
  });

  it('atomic: a revision in two responses', () => {
    expect(full(response(...events.slice(0, 3)), response(...events.slice(3)))).toEqual({
      'watch-atomic': 'watch w: the events of revision 4 came in two responses',
    });
  });

  it('bookmarkable: events behind a notification, and notifications that go back', () => {
    expect(full(progress(3), response(...events))).toMatchObject({
      'watch-bookmarkable':
        'watch w: the put of a at revision 2 came after a notification of progress at revision 3',
    });
    expect(full(progress(9), progress(8))).toMatchObject({
      'watch-bookmarkable': 'watch w: progress went back from revision 9 to 8',
    });
    expect(full(response(...events), progress(5))).toHaveProperty('watch-bookmarkable');
  });

  it('resumable: a first event that is not the first', () => {
    expect(check(watch({ key: 'a', revision: 2 }, response(events[1]!)))).toMatchObject({
      'watch-resumable':
        'watch w: a watch from revision 2 began with the put of a at revision 3, ' +
        'not with the put of a at revision 2',
    });
  });

  it('is-create: a creation that was none, and one that was not told', () => {
    const wrong = { ...events[1]!, isCreate: true };
    expect(full(response(events[0]!, wrong))).toHaveProperty('watch-is-create');
    expect(full(response({ ...events[0]!, isCreate: false }))).toHaveProperty('watch-is-create');
  });

  it('reliable: an event that is missing, made up, or has another value', () => {
    const without = (i: number) => events.filter((_, at) => at !== i);
    expect(full(response(...without(4)))).toEqual({
      'watch-reliable':
        'watch w: the delete of a at revision 5 is missing before the put of a at revision 6',
    });
    expect(full(response(...events.slice(0, 3)), progress(6))).toHaveProperty('watch-reliable');
    expect(full(progress(6))).toHaveProperty('watch-reliable');
    expect(full(response(...events, put(7, 'z', '1')))).toHaveProperty('watch-reliable');
    expect(full(response(put(2, 'a', 'x')))).toEqual({
      'watch-reliable': 'watch w: the put of a at revision 2 has the value "x", not "1"',
    });
  });

  it('prev-kv: a previous value that the key did not have', () => {
    const prev = { value: '2' };
    expect(full(response(events[0]!, { ...events[1]!, prev }))).toEqual({
      'watch-prev-kv':
        'watch w: the put of a at revision 3 has "2" as value of the previous value, which was "1"',
    });
    expect(full(response({ ...events[0]!, prev }))).toHaveProperty('watch-prev-kv');
  });

  it('not-future: newer than its response, or older than what was asked for', () => {
    expect(full({ rev: 1, events: [events[0]!] })).toHaveProperty('watch-not-future');
    const early = watch({ ...all, revision: 5 }, response(...events.slice(3)));
    expect(check(early)).toHaveProperty('watch-not-future');
  });

  it('compacted: a refusal without cause, and events from below', () => {
    const refused = { rev: 6, events: [], isCanceled: true, compacted: 4 };
    expect(check(watch({ ...all, revision: 3 }, refused))).toEqual({});
    expect(check(watch({ ...all, revision: 4 }, refused))).toHaveProperty('watch-compacted');
    const after = watch({ ...all, revision: 3 }, refused, response(...events.slice(1)));
    expect(check(after)).toHaveProperty('watch-compacted');
  });
});

describe('the full history', () => {
  it('is the longest full watch, and what is impossible in it is said', () => {
    const short = watch(all, response(events[0]!));
    const long = watch(all, response(...events));
    expect(replayOf(undefined, [short, long])?.revision).toBe(6);
    expect(replayOf(undefined, [watch({ key: 'a', revision: 1 }, response())])).toBeUndefined();
    const problem = (...list: readonly WatchEvent[]) =>
      replayOf(undefined, [watch(all, response(...list))])?.problem;
    expect(problem(...events)).toBeUndefined();
    expect(problem(deletion(2, 'a'))).toContain('deletes the missing a at revision 2');
    expect(problem(events[1]!, events[0]!)).toContain('goes back from revision 3 to 2');
    expect(problem(events[0]!, events[0]!)).toContain('a twice at revision 2');
  });

  it('tells the state at each revision', () => {
    expect(replay.at('a', 1)).toBeUndefined();
    expect(replay.at('a', 4)).toMatchObject({ value: '2', mod: 3, create: 2, version: 2 });
    expect(replay.at('a', 5)).toBeUndefined();
    expect(replay.at('a', 6)).toMatchObject({ create: 6, version: 1 });
    expect(replay.range('\0', '\0', 4).map(({ key }) => key)).toEqual(['a', 'b', 'c']);
  });
});

describe('reads of the past', () => {
  const kvs = [
    { key: 'a', value: '2', mod: 3, create: 2, version: 2 },
    { key: 'b', value: '3', mod: 4, create: 4, version: 1 },
  ];
  const read = (output: unknown, input: object, rev = 6) =>
    checkSerializable([operation('range', [0, 1], { key: 'a', input, output, rev })], replay);

  it('show what the store held', () => {
    expect(read({ kvs, count: 3 }, { end: '\0', revision: 4, limit: 2 }).verdict).toBe('ok');
    expect(read({ kvs: [], count: 0 }, { revision: 5 }).verdict).toBe('ok');
    expect(read({ kvs: kvs.slice(0, 1), count: 1 }, { serializable: true }, 3).verdict).toBe('ok');
  });

  it('are broken by another value, another key, another count or a future revision', () => {
    const message = (output: unknown, input: object, rev?: number) =>
      read(output, input, rev).violation?.message;
    const old = [{ ...kvs[0]!, value: '1' }];
    expect(message({ kvs: old, count: 1 }, { revision: 3 })).toContain('"1", not "2"');
    expect(message({ kvs: [], count: 1 }, { revision: 3 })).toContain('does not show a');
    expect(message({ kvs: [], count: 0 }, { revision: 3 })).toContain('counts 0 keys');
    expect(message({ kvs: [], count: 0 }, { revision: 9 })).toContain('the store was at 6');
  });

  it('of the newest state show what it held at the revision of the answer', () => {
    expect(read({ kvs: kvs.slice(0, 1), count: 1 }, {}, 3).verdict).toBe('ok');
    expect(read({ kvs: kvs.slice(0, 1), count: 1 }, {}, 5).verdict).toBe('fail');
  });

  it('are undecided when there are none', () => {
    const none = [operation('range', [0, 1], { outcome: 'fail', error: 'no' })];
    expect(checkSerializable(none, replay).verdict).toBe('unknown');
  });
});
