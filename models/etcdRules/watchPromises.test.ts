/** Watches against acknowledged changes, compactions and the end of the run. */
import type { WatchLog } from '../../src/history';
import { Replay } from './replay';
import { deletion, operation, put, response, watch } from './testing';
import { checkWatches } from './watch';
import { checkWatchComplete, checkWatchLive, checkWatchRefused } from './watchPromises';

const replay = new Replay([
  { rev: 2, key: 'a', value: '1' },
  { rev: 3, key: 'b', value: 7 },
  { rev: 4, key: 'a', value: null },
]);

describe('a watch of everything', () => {
  const told = [
    operation('put', [0, 1], { key: 'a', input: { value: '1' }, output: {}, rev: 2 }),
    operation('write', [2, 3], { key: 'b', input: 7, output: 7, rev: 3 }),
    operation('delete', [4, 5], { key: 'a', input: {}, output: { deleted: 1 }, rev: 4 }),
  ];
  const messageOf = (extra: Parameters<typeof operation>[2]) =>
    checkWatchComplete([...told, operation('put', [6, 7], extra)], replay).violation?.message;

  it('shows each acknowledged change', () => {
    expect(checkWatchComplete(told, replay)).toMatchObject({ verdict: 'ok', looked: 3 });
    expect(checkWatchComplete([], replay).verdict).toBe('unknown');
    expect(checkWatchComplete(told, undefined).reason).toContain('no watch saw');
  });

  it('is refuted by one that it lacks or shows with another value', () => {
    const lacking = { key: 'c', input: { value: '9' }, output: {}, rev: 3 };
    expect(messageOf(lacking)).toContain('changed c at revision 3, which the watch does not show');
    const other = { key: 'a', input: { value: '2' }, output: {}, rev: 2 };
    expect(messageOf(other)).toContain('shows with the value "1" instead of "2"');
    const gone = { key: 'a', input: { value: '2' }, output: {}, rev: 4 };
    expect(messageOf(gone)).toContain('shows as a delete');
  });

  it('says nothing of what lies behind its end, nor of unknown outcomes', () => {
    expect(messageOf({ key: 'c', input: { value: '9' }, output: {}, rev: 9 })).toBeUndefined();
    expect(messageOf({ key: 'c', input: { value: '9' }, outcome: 'info' })).toBeUndefined();
  });
});

describe('a watch that is open to the end', () => {
  const all = { key: '\0', end: '\0', revision: 1 };
  const live = (log: WatchLog) => checkWatchLive([log], replay, 4);

  it('has shown everything', () => {
    const events = [put(2, 'a', '1'), put(3, 'b', '7'), deletion(4, 'a')];
    expect(live(watch(all, response(...events))).verdict).toBe('ok');
    expect(live({ ...watch({ key: 'c' }), created: 1 }).verdict).toBe('ok');
    expect(checkWatchLive([], replay, 4).verdict).toBe('unknown');
  });

  it('is refuted when it never shows the last changes, even without any event', () => {
    const { violation } = live(watch(all, response(put(2, 'a', '1'))));
    expect(violation?.message).toContain('never showed the put of b at revision 3 and 1 later');
    expect(violation?.lines?.[0]).toBe('asked for all keys, from revision 1');
    const fromNow = { ...watch({ key: 'a' }), created: 3 };
    expect(live(fromNow).violation?.message).toContain('the delete of a at revision 4');
  });

  it('owes what follows its creation, wherever its first event is', () => {
    const log = { ...watch({ key: 'a' }, response(put(6, 'a', '3'))), created: 3 };
    const later = new Replay([
      { rev: 5, key: 'a', value: '2' },
      { rev: 6, key: 'a', value: '3' },
    ]);
    const broken = checkWatches([log], later).find(({ rule }) => rule === 'watch-reliable');
    expect(broken?.violation?.message).toContain('the put of a at revision 5 is missing');
  });
});

describe('a watch from a compacted revision', () => {
  const compact = operation('compact', [0, 10], {
    input: { revision: 5 },
    output: {},
    member: 'm',
  });
  const canceled = { rev: 9, events: [], isCanceled: true };
  const at = (ms: number, log: WatchLog) => ({ ...log, member: 'm', call: ms * 1e6 });
  const check = (log: WatchLog, faults: Parameters<typeof checkWatchRefused>[2] = []) =>
    checkWatchRefused([log], [compact], faults);

  it('is canceled with the revision that is left', () => {
    const log = at(20, watch({ key: 'a', revision: 3 }, { ...canceled, compacted: 5 }));
    expect(check(log).verdict).toBe('ok');
  });

  it('is refuted when it is served, or canceled without saying why', () => {
    const served = at(20, watch({ key: 'a', revision: 3 }, response(put(3, 'a', '1'))));
    expect(check(served).violation?.message).toContain('from revision 3 was served, although');
    expect(check(at(20, watch({ key: 'a', revision: 3 }, canceled))).verdict).toBe('fail');
    const fault = { fault: 'kill', phase: 'injected' as const, targets: ['m'], time: 15e6 };
    expect(check(served, [fault]).verdict).toBe('unknown');
  });

  it('owes nothing before the compaction, at the revision itself, or elsewhere', () => {
    const served = watch({ key: 'a', revision: 3 }, response(put(3, 'a', '1')));
    expect(check(at(5, served)).verdict).toBe('unknown');
    expect(check({ ...at(20, served), member: 'n' }).verdict).toBe('unknown');
    const border = watch({ key: 'a', revision: 5 }, response(put(5, 'a', '1')));
    expect(check(at(20, border)).verdict).toBe('unknown');
  });
});
