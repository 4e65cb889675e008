import type { Operation } from '../../src/history';
import { checkLinearizable } from '../checker/linearizability';
import { lease } from '../lease';
import { checkAgreement } from './agreement';
import { checkFencing } from './fencing';
import { checkAttached, checkLeases } from './leases';
import { checkMembership } from './membership';
import { checkClusterRevisions, checkHeaders, checkRevisions } from './revisions';
import { checkEtcdRules } from './rules';
import { broken, operation, put, response, watch } from './testing';

const of = (id: string) => ({ input: { lease: id } });
const grant = (at: number, ttlSeconds = 1, id = '7') =>
  operation('leaseGrant', [at, at + 1], {
    input: { lease: id, ttlSeconds },
    output: { lease: id, ttlSeconds },
  });
const keepAlive = (at: number, ttlSeconds: number, fields: Partial<Operation> = {}) =>
  operation('leaseKeepAlive', [at, at + 1], { ...of('7'), output: { ttlSeconds }, ...fields });
const timeToLive = (at: number, ttlSeconds: number) =>
  operation('leaseTimeToLive', [at, at + 1], { ...of('7'), output: { ttlSeconds } });
const revoke = (at: number, fields: Partial<Operation> = {}) =>
  operation('leaseRevoke', [at, at + 1], { ...of('7'), output: {}, ...fields });
const seen = (at: number) => {
  const kv = { key: 'k', value: 'v', mod: 2, create: 2, version: 1, lease: '7' };
  return operation('range', [at, at + 1], { key: 'k', output: { kvs: [kv], count: 1 } });
};

describe('leases', () => {
  const judge = (...operations: readonly Operation[]) => broken(checkLeases(operations));
  const model = (...operations: readonly Operation[]) =>
    checkLinearizable(operations, lease()).verdict;
  const gone = { outcome: 'fail', error: 'requested lease not found', output: undefined } as const;

  it('live while they are renewed, and may expire afterwards', () => {
    const run = [grant(0), keepAlive(800, 1), keepAlive(1_600, 1), timeToLive(2_700, -1)];
    expect(judge(...run)).toEqual({});
    expect(model(...run)).toBe('ok');
  });

  it('must not be gone before the TTL has passed', () => {
    const run = [grant(0), keepAlive(800, 1), timeToLive(1_500, -1)];
    expect(judge(...run)).toEqual({
      'lease-alive':
        'the leaseTimeToLive by process 0 found no lease 7, which the leaseKeepAlive by ' +
        'process 0 had renewed at most 701.0 ms before, for 1000 ms',
    });
    expect(model(...run)).toBe('fail');
    expect(model(grant(0), keepAlive(500, 0))).toBe('fail');
    expect(judge(grant(0), revoke(500, gone))).toHaveProperty('lease-alive');
    expect(model(grant(0), revoke(500, gone))).toBe('fail');
  });

  it('may be gone when somebody may have revoked them', () => {
    const maybe = revoke(100, { outcome: 'info', return: Infinity });
    expect(judge(grant(0), maybe, timeToLive(500, -1))).toEqual({});
    expect(model(grant(0), maybe, timeToLive(500, -1))).toBe('ok');
    expect(model(grant(0), revoke(100), keepAlive(200, 0))).toBe('ok');
  });

  it('are gone with their keys once revoked', () => {
    expect(judge(grant(0), seen(10), revoke(100))).toEqual({});
    expect(judge(grant(0), revoke(100), seen(200))).toHaveProperty('lease-revoked');
    expect(judge(grant(0), revoke(100), keepAlive(200, 1))).toHaveProperty('lease-revoked');
    expect(model(grant(0), revoke(100), keepAlive(200, 1))).toBe('fail');
    // A read that overlaps the revocation may still see the key.
    const early = { ...seen(200), call: 50e6 };
    expect(judge(grant(0), revoke(100), early)).toEqual({});
  });

  it('do not leave their keys behind for longer than the bound', () => {
    expect(judge(grant(0), seen(11_000))).toEqual({});
    expect(judge(grant(0), seen(13_000))).toEqual({
      'lease-expires':
        'the range of k by process 0 shows k with lease 7 at least 12999.0 ms after the last ' +
        'renewal; its TTL is 1000 ms and the limit 12020 ms',
    });
    const renewed = keepAlive(5_000, 1, { outcome: 'info', return: Infinity });
    expect(judge(grant(0), renewed, seen(13_000))).toEqual({});
  });

  it('stay with the key that was put with them, whatever the store shows of it', () => {
    const attach = operation('put', [1, 2], {
      key: 'k',
      input: { value: 'v', lease: '7' },
      rev: 2,
    });
    expect(checkAttached([attach, seen(10)]).verdict).toBe('ok');
    const kv = { key: 'k', value: 'v', mod: 2, create: 2, version: 1 };
    const bare = (at: number, shown: object = kv) =>
      operation('range', [at, at + 1], { key: 'k', output: { kvs: [shown], count: 1 } });
    expect(checkAttached([attach, bare(10)]).violation?.message).toContain(
      'shows k with no lease, but at revision 2 it was put with lease 7',
    );
    expect(judge(grant(0), attach, revoke(100), bare(200))).toHaveProperty('lease-revoked');
    // Reports of etcd's robustness suite record no leases of keys.
    const unrecorded = { ...kv, create: undefined };
    expect(checkAttached([attach, bare(10, unrecorded)]).verdict).toBe('unknown');
    expect(checkAttached([bare(10)]).verdict).toBe('unknown');
  });

  it('do not come back without a new grant, and are not granted twice', () => {
    expect(model(grant(0), timeToLive(2_000, -1), timeToLive(2_100, 1))).toBe('fail');
    expect(model(grant(0), timeToLive(2_000, -1), grant(2_050), timeToLive(2_100, 1))).toBe('ok');
    expect(model(grant(0), grant(100))).toBe('fail');
    const exists = { outcome: 'fail', error: 'lease already exists' } as const;
    expect(model(grant(0), { ...grant(100), ...exists })).toBe('ok');
    expect(model({ ...grant(100), ...exists })).toBe('fail');
  });
});

describe('locks', () => {
  const acquire = (process: number, at: number, fence: number) =>
    operation('acquire', [at, at + 10], { process, key: 'l', output: { fence } });
  const release = (process: number, at: number) =>
    operation('release', [at, at + 10], { process, key: 'l' });
  const guarded = (process: number, at: number, fence: number, fields: Partial<Operation> = {}) =>
    operation('guarded', [at, at + 10], { process, key: 'r', input: { fence }, ...fields });
  const judge = (operations: readonly Operation[], ttlMs?: number) =>
    broken(checkFencing(operations, ttlMs === undefined ? {} : { ttlMs }));

  it('are held by one at a time', () => {
    expect(judge([acquire(1, 0, 5), release(1, 20), acquire(2, 25, 6)])).toEqual({});
    expect(judge([acquire(1, 0, 5), acquire(2, 25, 6), release(1, 50)])).toEqual({
      'lock-exclusive':
        'the acquire of l by process 2 succeeded while process 1 held the lock ' +
        '(since 0.010000 s, until at least 0.050000 s)',
    });
  });

  it('are held no longer than the lease that their answer tells of', () => {
    const short = { process: 1, key: 'l', output: { fence: 5, ttlSeconds: 1 } };
    const first = operation('acquire', [0, 10], short);
    expect(judge([first, acquire(2, 500, 6)])).toHaveProperty('lock-exclusive');
    expect(judge([first, acquire(2, 1_000, 6)])).toEqual({});
  });

  it('may be lost when their lease runs out', () => {
    expect(judge([acquire(1, 0, 5), acquire(2, 120, 6)], 100)).toEqual({});
    expect(judge([acquire(1, 0, 5), acquire(2, 60, 6)], 100)).toHaveProperty('lock-exclusive');
  });

  it('give fences that rise', () => {
    const falling = [acquire(1, 0, 5), release(1, 20), acquire(2, 40, 5)];
    expect(judge(falling)).toEqual({
      'lock-fence-rises':
        'process 2 acquired l with fence 5 after process 1 had acquired with fence 5',
    });
  });

  it('are safe only if the resource refuses old fences', () => {
    const late = { outcome: 'fail', error: 'stale fence' } as const;
    expect(judge([guarded(1, 0, 5), guarded(2, 20, 6), guarded(1, 40, 5, late)])).toEqual({});
    expect(judge([guarded(2, 20, 6), guarded(1, 40, 5)])).toEqual({
      'lock-fenced': 'process 1 wrote r with fence 5 after process 2 had written with fence 6',
    });
    expect(judge([guarded(2, 20, 6), guarded(1, 25, 5)])).toEqual({});
  });
});

describe('membership', () => {
  const change = (f: string, at: number, id: string, fields: Partial<Operation> = {}) =>
    operation(f, [at, at + 5], { input: { id }, output: {}, ...fields });
  const list = (at: number, ...members: readonly object[]) =>
    operation('memberList', [at, at + 5], { input: null, output: { members } });
  const judge = (...operations: readonly Operation[]) => broken(checkMembership(operations));
  const [a, b] = [{ id: 'a' }, { id: 'b' }];

  it('shows what was acknowledged', () => {
    const add = change('memberAdd', 0, 'b');
    expect(judge(add, list(10, a, b), change('memberRemove', 20, 'b'), list(30, a))).toEqual({});
    expect(judge(add, list(2, a))).toEqual({});
    expect(judge(add, list(10, a))).toHaveProperty('membership-changes');
    expect(judge(change('memberRemove', 0, 'b'), list(10, a, b))).toEqual({
      'membership-changes':
        'the memberList by process 0 shows member b in spite of its removal, which the ' +
        'memberRemove by process 0 had done before',
    });
    const maybe = change('memberRemove', 5, 'b', { outcome: 'info', return: Infinity });
    expect(judge(add, maybe, list(10, a))).toEqual({});
  });

  it('never makes a voter a learner', () => {
    const learner = { id: 'b', isLearner: true };
    const asLearner = { input: { isLearner: true }, output: { id: 'b' } };
    const add = change('memberAdd', 0, 'b', asLearner);
    expect(judge(add, list(10, a, learner))).toEqual({});
    const promote = change('memberPromote', 20, 'b');
    expect(judge(add, promote, list(30, a, b))).toEqual({});
    expect(judge(add, promote, list(30, a, learner))).toHaveProperty('membership-changes');
  });

  it('has a voter and nobody twice', () => {
    expect(judge(list(0, { id: 'a', isLearner: true }))).toHaveProperty('membership-lists');
    expect(judge(list(0, a, a))).toHaveProperty('membership-lists');
    const urls = { peerUrls: ['http://x'] };
    expect(judge(list(0, { ...a, ...urls }, { ...b, ...urls }))).toEqual({
      'membership-lists': 'the memberList by process 0 shows peer URL http://x twice',
    });
  });
});

describe('agreement of members', () => {
  const reading = (member: string, revision: number, hash: string, compacted = 0) => {
    return { member, revision, hash, compacted };
  };

  it('holds for equal data, and is broken by a different hash or a member behind', () => {
    const one = reading('m1', 9, 'x');
    expect(checkAgreement([one, reading('m2', 9, 'x')]).verdict).toBe('ok');
    expect(checkAgreement([one, reading('m2', 9, 'y')]).violation?.message).toBe(
      'm1 and m2 differ at revision 9: x and y',
    );
    expect(checkAgreement([one, reading('m2', 8, 'y')]).violation?.message).toBe(
      'm2 stays at revision 8, others are at 9',
    );
  });

  it('cannot be decided for a silent member or different compactions', () => {
    const one = reading('m1', 9, 'x');
    expect(checkAgreement([one, { member: 'm2', reason: 'down' }])).toMatchObject({
      verdict: 'unknown',
      reason: 'm2 could not be compared: down',
    });
    expect(checkAgreement([one, reading('m2', 9, 'y', 5)]).verdict).toBe('unknown');
    expect(checkAgreement([]).verdict).toBe('unknown');
  });
});

describe('revisions', () => {
  const read = (at: number, rev: number, member: string, fields: Partial<Operation> = {}) =>
    operation('range', [at, at + 5], { rev, member, ...fields });

  it('never go back at a member, restarts included', () => {
    const run = [read(0, 5, 'm1'), read(10, 4, 'm2'), read(20, 5, 'm1')];
    expect(checkRevisions(run).verdict).toBe('ok');
    const restart = { fault: 'kill', phase: 'injected', targets: ['m1'], time: 10e6 } as const;
    expect(checkRevisions([read(0, 5, 'm1'), read(20, 4, 'm1')], [restart]).violation).toEqual({
      message: 'm1 answered with revision 4 after revision 5 (with the fault kill in between)',
      operations: [expect.objectContaining({ rev: 5 }), expect.objectContaining({ rev: 4 })],
    });
  });

  it('may go back in a serializable read at a member that restarts, and only there', () => {
    const restart = { fault: 'kill', phase: 'injected', targets: ['m1'], time: 10e6 } as const;
    const stale = (member: string) => [
      read(0, 5, member),
      read(20, 4, member, { input: { serializable: true } }),
    ];
    expect(checkRevisions(stale('m1'), [restart]).verdict).toBe('ok');
    expect(checkRevisions(stale('m2'), [restart]).verdict).toBe('fail');
    expect(checkRevisions(stale('m1')).verdict).toBe('fail');
  });

  it('never go back anywhere in answers that must not be stale', () => {
    const run = [read(0, 5, 'm1'), read(10, 4, 'm2')];
    expect(checkClusterRevisions(run).verdict).toBe('fail');
    const stale = read(10, 4, 'm2', { input: { serializable: true } });
    expect(checkClusterRevisions([read(0, 5, 'm1'), stale]).verdict).toBe('ok');
    // Who renews a lease is not told what others have written since.
    const renewal = operation('leaseKeepAlive', [10, 15], { rev: 4, member: 'm2' });
    expect(checkClusterRevisions([read(0, 5, 'm1'), renewal]).verdict).toBe('ok');
  });

  it('are in every header', () => {
    const bare = operation('range', [10, 15], { key: 'k' });
    expect(checkHeaders([read(0, 5, 'm1')]).verdict).toBe('ok');
    expect(checkHeaders([read(0, 5, 'm1'), bare]).violation?.message).toContain('has no header');
    expect(checkHeaders([{ ...bare, outcome: 'info' }]).verdict).toBe('unknown');
  });
});

describe('all rules together', () => {
  it('are those that the history has something to say about', () => {
    const base = { meta: {}, faults: [] };
    const rules = (operations: readonly Operation[]) =>
      checkEtcdRules({ ...base, operations }).map(({ rule }) => rule);
    expect(rules([operation('read', [0, 1])])).toEqual([]);
    expect(rules([grant(0)])).toEqual(['lease-alive', 'lease-revoked', 'lease-expires']);
    const watches = [watch({ key: 'a', revision: 2 }, response(put(2, 'a', '1')))];
    const watched = checkEtcdRules({ ...base, operations: [], watches });
    expect(watched).toHaveLength(12);
    const changes = [{ rev: 2, key: 'a', value: null }];
    expect(broken(checkEtcdRules({ ...base, operations: [], watch: changes }))).toHaveProperty(
      'full-history',
    );
  });
});
