import { once } from 'node:events';
import { Etcd3, EtcdLeaseInvalidError, EtcdLockFailedError } from 'etcd3';
import type { RunningCluster } from '../target';
import { referenceProcess } from '../targets/referenceProcess';
import { quickTimings } from '../testing';

describe('the npm package etcd3', () => {
  let cluster: RunningCluster;
  let etcd: Etcd3;

  beforeAll(async () => {
    cluster = await referenceProcess(quickTimings).start();
    etcd = new Etcd3({ hosts: cluster.members().map(({ clientUrl }) => clientUrl) });
  });
  afterAll(async () => {
    etcd.close();
    await cluster[Symbol.asyncDispose]();
  });
  afterEach(() => etcd.delete().all());

  it('puts, gets and deletes', async () => {
    await etcd.put('a').value('one');
    await etcd.put('b').value(2);
    await etcd.put('binary').value(Buffer.from([0, 255, 128]));
    expect(await etcd.get('a')).toBe('one');
    expect(await etcd.get('b').number()).toBe(2);
    expect(await etcd.get('binary').buffer()).toEqual(Buffer.from([0, 255, 128]));
    expect(await etcd.get('missing')).toBeNull();
    expect(await etcd.get('a').exists()).toBe(true);
    expect(await etcd.put('a').value('two').getPrevious()).toMatchObject({ version: '1' });
    await etcd.put('a').touch();
    const { kvs } = await etcd.get('a').exec();
    expect(kvs[0]).toMatchObject({ version: '3', value: Buffer.from('two') });
    const previous = await etcd.delete().key('a').getPrevious();
    expect(previous.map(({ value }) => value.toString())).toEqual(['two']);
    expect(await etcd.delete().key('a')).toMatchObject({ deleted: '0' });
  });

  it('reads ranges, sorted, limited, counted and as they were', async () => {
    for (const name of ['r/c', 'r/a', 'r/b', 's/x']) await etcd.put(name).value(name);
    const range = () => etcd.getAll().prefix('r/');
    expect(await range().keys()).toEqual(['r/a', 'r/b', 'r/c']);
    expect(await range().count()).toBe(3);
    const newest = await range().sort('Mod', 'Descend').limit(1).strings();
    expect(newest).toEqual({ 'r/b': 'r/b' });
    const { header } = await range().exec();
    await etcd.delete().range(etcd.range({ start: 'r/a', end: 'r/c' }));
    expect(await range().keys()).toEqual(['r/c']);
    expect(await range().revision(header.revision).keys()).toEqual(['r/a', 'r/b', 'r/c']);
    expect(await range().serializable(true).count()).toBeLessThanOrEqual(3);
    expect(await etcd.getAll().inRange({ start: 'r/c', end: '\0' }).keys()).toEqual(['r/c', 's/x']);
  });

  it('runs transactions', async () => {
    const swap = (from: string, to: string) =>
      etcd
        .if('t', 'Value', '==', from)
        .and('t', 'Version', '>', 0)
        .then(etcd.put('t').value(to))
        .else(etcd.get('t'))
        .commit();
    await etcd.put('t').value('one');
    expect(await swap('one', 'two')).toMatchObject({ succeeded: true });
    const refused = await swap('one', 'three');
    expect(refused.succeeded).toBe(false);
    expect(refused.responses[0]!.response_range.kvs[0]!.value.toString()).toBe('two');
    expect(await etcd.if('none', 'Create', '==', 0).then().commit()).toMatchObject({
      succeeded: true,
    });
    const taken = await etcd.stm().transact(async (transaction) => {
      const value = (await transaction.get('t').string()) ?? '';
      await transaction.put('t').value(`${value}!`);
      return value;
    });
    expect(taken).toBe('two');
    expect(await etcd.get('t')).toBe('two!');
  });

  it('watches keys and prefixes, from now on and from a revision', async () => {
    const { header } = await etcd.put('w/a').value('1');
    await etcd.put('w/a').value('2');
    const past = await etcd.watch().prefix('w/').startRevision(header.revision).create();
    const seen: string[] = [];
    const both = new Promise<void>((resolve) => {
      past.on('put', ({ key, value }) => {
        seen.push(`${key.toString()}=${value.toString()}`);
        if (seen.length === 3) resolve();
      });
    });
    const deletes = await etcd.watch().key('w/a').only('delete').withPreviousKV().create();
    const deleted = once(deletes, 'delete') as Promise<[unknown, { value: Buffer }]>;
    await etcd.put('w/b').value('3');
    await both;
    expect(seen).toEqual(['w/a=1', 'w/a=2', 'w/b=3']);
    await etcd.delete().key('w/a');
    const [, before] = await deleted;
    expect(before.value.toString()).toBe('2');
    await past.cancel();
    await deletes.cancel();
  });

  it('compacts, and is told what is no more there', async () => {
    await etcd.put('c').value('1');
    const { header } = await etcd.put('c').value('2');
    await etcd.kv.compact({ revision: header.revision, physical: true });
    const old = Number(header.revision) - 1;
    await expect(etcd.get('c').revision(old).string()).rejects.toThrow('has been compacted');
    await expect(etcd.kv.compact({ revision: old })).rejects.toThrow('has been compacted');
    await expect(etcd.kv.compact({ revision: old + 1000 })).rejects.toThrow('future revision');
  });

  it('keeps a lease alive, and loses it when it is revoked', async () => {
    const lease = etcd.lease(2);
    await lease.put('leased').value('x');
    await once(lease, 'keepaliveSucceeded');
    const id = await lease.grant();
    const times = await etcd.leaseClient.leaseTimeToLive({ ID: id, keys: true });
    expect(times).toMatchObject({ grantedTTL: '2', keys: [Buffer.from('leased')] });
    const lost = once(lease, 'lost') as Promise<[Error]>;
    await etcd.leaseClient.leaseRevoke({ ID: id });
    expect(await etcd.get('leased')).toBeNull();
    const [error] = await lost;
    expect(error).toBeInstanceOf(EtcdLeaseInvalidError);
    await expect(etcd.put('leased').value('x').lease(id).exec()).rejects.toThrow(
      'requested lease not found',
    );
  });

  it('lets a released lease run out', async () => {
    const lease = etcd.lease(1, { autoKeepAlive: false });
    const watcher = await etcd.watch().key('short').create();
    const deleted = once(watcher, 'delete');
    await lease.put('short').value('x');
    await deleted;
    expect(await etcd.get('short')).toBeNull();
    await watcher.cancel();
  });

  it('works in a namespace, with locks and elections on top', async () => {
    const space = etcd.namespace('space/');
    await space.put('a').value('1');
    expect(await space.getAll().keys()).toEqual(['a']);
    expect(await etcd.get('space/a')).toBe('1');
    const lock = await space.lock('door').ttl(5).acquire();
    await expect(space.lock('door').acquire()).rejects.toThrow(EtcdLockFailedError);
    await lock.release();
    await (await space.lock('door').acquire()).release();
    const campaign = space.election('chair', 5).campaign('me');
    await once(campaign, 'elected');
    expect(await space.election('chair').leader()).toBe('me');
    await campaign.resign();
  });

  it('asks for members and maintenance', async () => {
    const { members } = await etcd.cluster.memberList({});
    expect(members.map(({ name }) => name).sort()).toEqual(['m1', 'm2', 'm3']);
    const status = await etcd.maintenance.status();
    expect(status.version).toMatch(/^3\.4\./);
    expect(members.map(({ ID }) => ID)).toContain(status.leader);
  });
});
