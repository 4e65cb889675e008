/** Real members in this process: on real files, sockets and gRPC, three of them or one alone. */
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { EtcdClient } from '../client';
import { freePorts } from '../../chaos/targets/freePorts';
import { queryPeer } from '../transport/peerQuery';
import { ConfigError, parseCluster } from './clusterConfig';
import { Logger } from './logger';
import { Member } from './member';
import { MemberCluster, untilOk } from './testing/memberCluster';

let directory: string;
let cluster: MemberCluster | undefined;
let client: EtcdClient | undefined;
beforeEach(() => (directory = mkdtempSync(join(tmpdir(), 'crucible-member-'))));
afterEach(async () => {
  client?.close();
  await cluster?.stopAll();
  rmSync(directory, { recursive: true, force: true });
});

const key = (text: string): Buffer => Buffer.from(text);

describe('a member alone', () => {
  it('keeps what it acknowledged over a restart', async () => {
    cluster = await MemberCluster.make(directory, 1);
    await cluster.start('n1');
    client = new EtcdClient({ endpoints: cluster.urls, timeoutMs: 5_000 });
    const put = await untilOk(() => client!.put({ key: key('a'), value: key('1') }));
    expect(put).toMatchObject({ type: 'ok', revision: 2 });
    await cluster.stop('n1');
    await cluster.start('n1');
    const read = await untilOk(() => client!.range({ key: key('a') }));
    expect(read).toMatchObject({ type: 'ok', revision: 2, value: { count: 1n } });
  });

  it('refuses a port in use with the flag, and leaves its directory free', async () => {
    cluster = await MemberCluster.make(directory, 1);
    await cluster.start('n1');
    const { peerListen } = cluster.config('n1');
    const other = await MemberCluster.make(join(directory, 'other'), 1);
    const config = { ...other.config('n1'), peerListen };
    const logger = new Logger(
      'error',
      () => undefined,
      () => 0,
    );
    const start = Member.start(config, logger);
    await expect(start).rejects.toThrow(ConfigError);
    await expect(start).rejects.toThrow('--listen-peer-urls');
    await other.start('n1');
    await other.stopAll();
  });
});

describe('members with several peer URLs in the initial cluster', () => {
  it('reach each other by the one that works, and are listed with both', async () => {
    const names = ['n1', 'n2', 'n3'] as const;
    cluster = await MemberCluster.make(directory, names.length);
    const dead = await freePorts(names.length);
    const urls = names.map((name, i) => [`http://127.0.0.1:${dead[i]}`, cluster!.peerUrl(name)]);
    const list = names.flatMap((name, i) => urls[i]!.map((url) => `${name}=${url}`)).join(',');
    for (const name of names) cluster.reconfigure(name, { cluster: parseCluster(name, list, 't') });
    await cluster.start(...names);
    client = new EtcdClient({ endpoints: cluster.urls, timeoutMs: 5_000 });
    await untilOk(() => client!.put({ key: key('a'), value: key('1') }));
    const { value } = await untilOk(() => client!.memberList());
    const listed = value.members.map(({ peerURLs }) => [...peerURLs].sort());
    expect(listed.sort()).toEqual(urls.map((pair) => [...pair].sort()).sort());
  });
});

describe('a member that listens in several places', () => {
  const host = '127.0.0.1';
  const place = (port: number) => ({ host, port, tls: false });

  it('serves clients and members in each of them', async () => {
    cluster = await MemberCluster.make(directory, 2);
    const [clientPort, peerPort] = await freePorts(2);
    const { clientListen, peerListen } = cluster.config('n1');
    cluster.reconfigure('n1', {
      clientListen: [...clientListen, place(clientPort!)],
      // Where the other member dials comes last.
      peerListen: [place(peerPort!), ...peerListen],
    });
    await cluster.start('n1', 'n2');
    for (const url of [cluster.url('n1'), `http://${host}:${clientPort}`]) {
      client?.close();
      client = new EtcdClient({ endpoints: [url], timeoutMs: 5_000 });
      await untilOk(() => client!.put({ key: key('a'), value: key(url) }));
    }
    for (const { port } of cluster.config('n1').peerListen) {
      const answer = await queryPeer({ kind: 'members' }, place(port), undefined, 5_000);
      expect(JSON.parse(Buffer.from(answer).toString())).toMatchObject({ members: [{}, {}] });
    }
  });

  it('listens in none when one is taken', async () => {
    cluster = await MemberCluster.make(directory, 1);
    const [first, taken] = await freePorts(2);
    const occupant = createServer().listen(taken, host);
    const { clientListen, peerListen } = cluster.config('n1');
    for (const change of [
      { clientListen: [place(first!), place(taken!)] },
      { clientListen, peerListen: [...peerListen, place(taken!)] },
    ]) {
      cluster.reconfigure('n1', change);
      await expect(cluster.start('n1')).rejects.toThrow(`${taken}: the port is in use`);
    }
    occupant.close();
    await cluster.start('n1');
  });
});

describe('three members', () => {
  it('bring a member that lags past the log back by a snapshot', async () => {
    cluster = await MemberCluster.make(directory, 3, {
      snapshotEntries: 50,
      catchUpEntries: 10,
      snapshotChunkBytes: 10_000,
    });
    await cluster.start('n1', 'n2', 'n3');
    client = new EtcdClient({ endpoints: cluster.urls, timeoutMs: 5_000 });
    await untilOk(() => client!.put({ key: key('before'), value: key('x') }));
    await cluster.stop('n3');
    const value = Buffer.alloc(1_000, 'v');
    for (let i = 0; i < 120; i++) {
      await untilOk(() => client!.put({ key: key(`k${i}`), value }, { endpoint: i % 2 }));
    }
    await cluster.start('n3');
    const all = { key: key('\0'), rangeEnd: key('\0') };
    const read = await untilOk(() => client!.range(all, { endpoint: 2 }));
    expect(read).toMatchObject({ type: 'ok', value: { count: 121n } });
    expect(cluster.lines.some((line) => line.includes('installed a snapshot'))).toBe(true);
    const hashes = [];
    for (const endpoint of [0, 1, 2]) {
      const { revision } = read as { readonly revision: number | bigint };
      const hash = await untilOk(() => client!.hashKv(Number(revision), { endpoint }));
      hashes.push((hash as { readonly value: { readonly hash: number } }).value.hash);
    }
    expect(new Set(hashes).size).toBe(1);
  });
});
