/** etcdctl against a cluster of the reference, and the same commands against a real etcd. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Etcdctl } from '../../src/client/testing/etcdctl';
import { withProgram } from '../../src/client/testing/withProgram';
import type { RunningCluster } from '../target';
import { etcdProcess, findOnPath } from '../targets/etcdProcess';
import { referenceProcess } from '../targets/referenceProcess';
import { quickTimings } from '../testing';
import { PLAYS } from './etcdctlPlays';
import { waitFor } from '../wait';
import { EtcdctlSession } from './etcdctlSession';

const urlsOf = (cluster: RunningCluster): string[] =>
  cluster.members().map(({ clientUrl }) => clientUrl);

withProgram(describe, 'etcdctl', ['version'])('etcdctl', () => {
  let cluster: RunningCluster;
  let etcdctl: Etcdctl;

  beforeAll(async () => {
    cluster = await referenceProcess(quickTimings).start();
    etcdctl = new Etcdctl(urlsOf(cluster));
  });
  afterAll(() => cluster[Symbol.asyncDispose]());

  it('sees the whole cluster', async () => {
    const endpoint = String.raw`(http://)?127\.0\.0\.1:\d+`;
    const status = await etcdctl.prints(['endpoint', 'status']);
    expect(status.trim().split('\n')).toHaveLength(3);
    expect(status.match(/, true, false, /g)).toHaveLength(1);
    expect(status).toMatch(
      new RegExp(`^${endpoint}, [0-9a-f]+, 3\\.4\\.\\d+, [\\d.]+ [kM]?B, `, 'm'),
    );
    const health = await etcdctl.run(['endpoint', 'health']);
    expect(`${health.stdout}${health.stderr}`.match(/ is healthy: /g)).toHaveLength(3);
    const members = await etcdctl.prints(['member', 'list']);
    expect(members.match(/, started, m[123], http:/g)).toHaveLength(3);
    await etcdctl.prints(['put', 'hashed', 'x']);
    // A linearizable read brings each member up to the put.
    for (const url of urlsOf(cluster)) await new Etcdctl([url]).prints(['get', 'hashed']);
    const hashes = await etcdctl.prints(['endpoint', 'hashkv']);
    const found = [...hashes.matchAll(/, (\d+)$/gm)].map(([, hash]) => hash);
    expect(found).toHaveLength(3);
    expect(new Set(found).size).toBe(1);
  });

  it('keeps a lease alive through any member, and sees it end', async () => {
    const [, id] = /lease ([0-9a-f]{16}) granted/.exec(
      await etcdctl.prints(['lease', 'grant', '2']),
    )!;
    await etcdctl.prints(['put', 'leased', 'x', '--lease', id!]);
    for (const url of urlsOf(cluster)) {
      const running = new Etcdctl([url]).start(['lease', 'keep-alive', id!]);
      await running.until(/(lease \w+ keepalived with TTL\(2\)\n){2}/);
      await running.stop();
    }
    const watch = etcdctl.start(['watch', 'leased']);
    await watch.until(/DELETE\nleased\n/);
    await watch.stop();
    const late = await etcdctl.run(['lease', 'keep-alive', '--once', id!]);
    expect(late.stdout + late.stderr).toContain('requested lease not found');
  });

  it('changes members, leader and storage', async () => {
    const list = async () => (await etcdctl.prints(['member', 'list'])).trim().split('\n');
    const [id] = (await list())[0]!.split(', ');
    const peerUrl = /http:\S+?(?=,)/.exec((await list())[0]!)![0];
    const updated = await etcdctl.prints(['member', 'update', id!, '--peer-urls', peerUrl]);
    // etcdctl pads ids to 16 digits.
    expect(updated).toMatch(new RegExp(`^Member +${id} updated in cluster `));
    const add = ['member', 'add', 'm4', '--learner', '--peer-urls=http://127.0.0.1:1'];
    // As etcd, the cluster takes members only once all have been connected for a while.
    const added = await waitFor(() => etcdctl.prints(add), {
      what: 'a cluster healthy enough for a member more',
      limitMs: 30_000,
    });
    expect(added).toContain('ETCD_INITIAL_CLUSTER_STATE="existing"');
    const learner = (await list()).find((line) => line.endsWith(', true'));
    expect(learner).toMatch(/, unstarted, , http:\/\/127\.0\.0\.1:1, , true$/);
    const [learnerId] = learner!.split(', ');
    const early = await etcdctl.run(['member', 'promote', learnerId!]);
    expect(early.stderr).toContain(
      'can only promote a learner member which is in sync with leader',
    );
    expect(await etcdctl.prints(['member', 'remove', learnerId!])).toContain(
      'removed from cluster',
    );
    expect(await list()).toHaveLength(3);

    const leader = (await cluster.leader())!;
    const next = (await list()).find((line) => !line.includes(`, ${leader}, `))!.split(', ')[0]!;
    expect(await etcdctl.prints(['move-leader', next])).toMatch(
      new RegExp(`^Leadership transferred from +[0-9a-f]+ to +${next}\n`),
    );
    const defragmented = await etcdctl.prints(['defrag']);
    expect(defragmented.match(/^Finished defragmenting etcd member/gm)).toHaveLength(3);
    expect(await etcdctl.prints(['alarm', 'list'])).toBe('');
    expect(await etcdctl.prints(['alarm', 'disarm'])).toBe('');
    const directory = mkdtempSync(join(tmpdir(), 'crucible-etcdctl-'));
    const file = join(directory, 'saved');
    const one = new Etcdctl(urlsOf(cluster).slice(0, 1));
    expect(await one.prints(['snapshot', 'save', file])).toContain(`Snapshot saved at ${file}`);
    rmSync(directory, { recursive: true });
  });

  // The same commands on both, one after the other: what is printed must be the same.
  const etcdIsThere = findOnPath('etcd') !== undefined;
  if (!etcdIsThere) {
    it.todo('skipped: no etcd on PATH to compare with');
    return;
  }

  describe('prints what it prints for etcd:', () => {
    let etcd: RunningCluster;
    let fresh: RunningCluster;

    beforeAll(async () => {
      etcd = await etcdProcess({ ...quickTimings, memberCount: 1 }).start();
      fresh = await referenceProcess({ ...quickTimings, memberCount: 1 }).start();
    });
    afterAll(async () => {
      await etcd[Symbol.asyncDispose]();
      await fresh[Symbol.asyncDispose]();
    });

    it.each(PLAYS)('%s', async (_, play) => {
      const sessions = [etcd, fresh].map(
        (target) => new EtcdctlSession(new Etcdctl(urlsOf(target))),
      );
      await Promise.all(sessions.map((session) => play(session)));
      const [real, ours] = sessions.map(({ lines }) => lines);
      expect(real!.length).toBeGreaterThan(5);
      expect(ours).toEqual(real);
    });

    it('mirrors keys both ways', async () => {
      const source = new Etcdctl(urlsOf(fresh));
      const target = new Etcdctl(urlsOf(etcd));
      for (const [from, to, prefix] of [
        [source, target, 'there'],
        [target, source, 'back'],
      ] as const) {
        await from.prints(['put', `${prefix}/old`, '1']);
        const [destination] = to.endpoints;
        const mirror = from.start(['make-mirror', '--prefix', `${prefix}/`, destination!]);
        const untilMirrored = (text: string) =>
          waitFor(
            async () => {
              const all = await to.prints(['get', '--prefix', `${prefix}/`]);
              return all.includes(text) ? true : undefined;
            },
            { what: `a mirrored ${text}`, limitMs: 20_000 },
          );
        await untilMirrored('old\n1\n');
        await from.prints(['put', `${prefix}/new`, '2']);
        await untilMirrored('new\n2\n');
        await mirror.stop();
      }
    });
  });
});
