/**
 * What is done to a cluster of containers is tested for its effect on a real etcd, and that nothing
 * is left of it, whichever way the runner ends. Needs Docker and the images of .ci/dockerImages.
 */
import { spawn, spawnSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import type * as Testcontainers from 'testcontainers';

import { EtcdClient } from '../../src/client';
import { localEtcdImage, programOf } from '../containers/images';
import { connectContainerRuntime, type Engine } from '../containers/runtime';
import { decodeRunner, encodeRunner, fateOf, thisRunner } from '../containers/runner';
import { clusterLabel, labelsOf, sweepDeadRunners } from '../containers/sweep';
import type { RunningCluster } from '../target';
import { quickTimings } from '../testing';
import { waitFor } from '../wait';
import { containerCluster, etcdContainers } from './containerCluster';

/** Why the tests with containers cannot run here; undefined when they can. */
function whyNot(): string | undefined {
  const docker = (...argv: readonly string[]): string | undefined => {
    const { status, stderr, error } = spawnSync('docker', argv, {
      encoding: 'utf8',
      timeout: 20_000,
    });
    return status === 0 ? undefined : (error?.message ?? stderr).trim().split('\n').at(-1);
  };
  const silent = docker('version', '--format', '{{.Server.Version}}');
  if (silent !== undefined) return `Docker does not answer (${silent}): see .ci/dockerStart`;
  const missing = docker('image', 'inspect', localEtcdImage);
  if (missing !== undefined) return `no image ${localEtcdImage}: see .ci/dockerImages etcd`;
  return undefined;
}

function describeWithDocker(title: string, block: () => void): void {
  const reason = whyNot();
  if (reason === undefined) {
    describe(title, block);
    return;
  }
  process.stderr.write(`skipped: ${reason} (${title})\n`);
  // Counted as not done, so that a run without Docker does not look like one with it.
  describe(title, () => it.todo(`skipped: ${reason}`));
}

/** How many containers and networks there are, of one cluster or of any of this program's. */
async function left(engine: Engine, label = 'raft-crucible'): Promise<number> {
  const filters = { label: [label] };
  const containers = await engine.listContainers({ all: true, filters });
  const networks = await engine.listNetworks({ filters });
  return containers.length + networks.length;
}

describe('the program of an image', () => {
  it('is what the image starts, without its flags', () => {
    expect(programOf(null, ['/usr/local/bin/etcd'])).toEqual(['/usr/local/bin/etcd']);
    expect(programOf(['node', 'main.js'], ['serve', '--name', 'x'])).toEqual(['serve']);
    expect(programOf(['/bin/etcd'], ['--help'])).toEqual([]);
    expect(programOf(['/bin/etcd'], null)).toEqual([]);
    expect(programOf(undefined, undefined)).toEqual(['etcd']);
  });
});

describe('a runner', () => {
  it('is known by more than its process id', () => {
    const runner = thisRunner();
    expect(fateOf(runner)).toBe('alive');
    expect(fateOf({ ...runner, startedAt: '1' })).toBe('dead');
    expect(fateOf({ ...runner, boot: 'before' })).toBe('dead');
    expect(fateOf({ ...runner, host: 'elsewhere' })).toBe('unknown');
  });

  it('is read back from a label, and from nothing else', () => {
    const runner = thisRunner();
    expect(decodeRunner(encodeRunner(runner))).toEqual(runner);
    for (const text of [undefined, '', 'null', '[]', '{"pid":1}', '{']) {
      expect(decodeRunner(text)).toBeUndefined();
    }
  });
});

describe('a container target that cannot be started', () => {
  it('refuses impossible sizes', () => {
    const options = { target: 'x', image: 'x', memberCount: 10 };
    expect(() => containerCluster(options)).toThrow(/1\.\.9 members, not 10/);
  });

  it('says what to do when Docker does not answer', async () => {
    const getContainerRuntimeClient = () => Promise.reject(new Error('no socket'));
    const load = () => ({ getContainerRuntimeClient }) as unknown as typeof Testcontainers;
    await expect(connectContainerRuntime(load)).rejects.toMatchObject({
      code: 'notFound',
      message: expect.stringMatching(
        /^Docker does not answer \(no socket\).*\.ci\/dockerStart.*--runtime process/,
      ) as string,
    });
  });
});

describeWithDocker('a cluster of etcd containers', () => {
  let directory: string;
  let engine: Engine;
  let cluster: RunningCluster;
  const limitMs = 20_000;

  beforeAll(async () => {
    directory = mkdtempSync(join(tmpdir(), 'crucible-container-test-'));
    ({ engine } = await connectContainerRuntime());
    cluster = await etcdContainers({ ...quickTimings, directory }).start();
  });

  afterEach(() => cluster.mendAll());

  afterAll(async () => {
    const log = cluster.log('m1')!;
    const label = await ownLabel();
    await cluster[Symbol.asyncDispose]();
    await cluster[Symbol.asyncDispose]();
    expect(await left(engine, label)).toBe(0);
    expect(existsSync(log)).toBe(true);
    rmSync(directory, { recursive: true });
  });

  /** The label of this cluster, found by the port of its first member. */
  async function ownLabel(): Promise<string> {
    const port = Number(new URL(cluster.members()[0]!.clientUrl).port);
    const pods = await engine.listContainers({ filters: { label: ['raft-crucible'] } });
    const pod = pods.find(({ Ports }) => Ports.some(({ PublicPort }) => PublicPort === port));
    return `${clusterLabel}=${pod?.Labels[clusterLabel]}`;
  }

  function client(name: string): EtcdClient {
    const { clientUrl } = cluster.members().find((member) => member.name === name)!;
    return new EtcdClient({ endpoints: [clientUrl] });
  }

  async function untilAllFollowOne(): Promise<string> {
    return waitFor(
      async () => {
        const names = cluster.members().map(({ name }) => name);
        const answers = await Promise.all(names.map((name) => cluster.status(name)));
        const leaders = new Set(answers.map(({ leaderId }) => leaderId));
        if (leaders.size !== 1 || leaders.has(0n)) return undefined;
        return cluster.leader();
      },
      { what: 'all members to follow one leader', limitMs },
    );
  }

  it('can do everything, and its members answer under their fixed ports', async () => {
    // Those that this machine's kernel decides about (cpu, loss) are not listed.
    expect([...cluster.capabilities]).toEqual(
      expect.arrayContaining(['kill', 'stop', 'pause', 'rejoin', 'maintenance', 'partition']),
    );
    expect(cluster.members().map(({ name }) => name)).toEqual(['m1', 'm2', 'm3']);
    await untilAllFollowOne();
    // A network, and a pod and a member for each of the three.
    expect(await left(engine, await ownLabel())).toBe(7);
    await expect(cluster.kill('m4')).rejects.toThrow('there is no member called m4');
    await expect(cluster.start('m1')).rejects.toThrow('cannot start m1: running');
  });

  it('keeps its promise of partitions where a pod can cut links', async () => {
    const probed = await etcdContainers().probe();
    expect(probed.capabilities.has('partition')).toBe(true);
  });

  it('says which image to build when there is none for pods', async () => {
    const probe = etcdContainers({ podImage: 'raft-crucible/none' }).probe();
    await expect(probe).rejects.toThrow(/no image raft-crucible\/none .*\.ci\/dockerImages none/);
  });

  it('cuts one direction alone: a member that nobody hears still hears', async () => {
    const leader = await untilAllFollowOne();
    const mute = cluster.members().find(({ name }) => name !== leader)!.name;
    const [atLeader, atMute] = [client(leader), client(mute)];
    const cutAndWrite = async (): Promise<true | undefined> => {
      for (const { name } of cluster.members()) if (name !== mute) await cluster.cut(mute, name);
      const put = await atLeader.put({ key: 'heard', value: 'v' });
      const revision = put.type === 'ok' ? BigInt(put.revision) : Infinity;
      try {
        return await waitFor(
          async () => ((await cluster.status(mute)).revision >= revision ? true : undefined),
          { what: `revision ${revision} at ${mute}`, limitMs: 1_500 },
        );
      } catch (error) {
        // The store had no connection open for it, and a new one needs both directions.
        await cluster.mendAll();
        await untilAllFollowOne();
        throw error;
      }
    };
    await waitFor(cutAndWrite, { what: 'a write to reach a member nobody hears', limitMs });
    // It has the value, but a linearizable read has to ask the leader, who does not hear it.
    const local = await atMute.range({ key: 'heard', serializable: true });
    expect(local.type === 'ok' && local.value.kvs.length).toBe(1);
    const read = await atMute.range({ key: 'heard' }, { timeoutMs: 500 });
    expect(read.type).not.toBe('ok');
    atLeader.close();
    atMute.close();
    // The cuts outlive the member: started again, it does not find its cluster.
    await cluster.kill(mute);
    await cluster.start(mute);
    const what = 'a member that nobody hears to find its cluster';
    const found = waitFor(() => cluster.status(mute, 500), { what, limitMs: 1_500 });
    await expect(found).rejects.toThrow(/waited 1500 ms/);
    await cluster.mendAll();
    await untilAllFollowOne();
  });

  it('loses nothing that was acknowledged when all members are killed and started', async () => {
    const before = client('m1');
    expect(await before.put({ key: 'kept', value: 'v' })).toMatchObject({ type: 'ok' });
    before.close();
    const names = cluster.members().map(({ name }) => name);
    const urls = cluster.members().map(({ clientUrl }) => clientUrl);
    await Promise.all(names.map((name) => cluster.kill(name)));
    expect(cluster.members().map(({ state }) => state)).toEqual(['down', 'down', 'down']);
    await expect(cluster.status('m1', 200)).rejects.toThrow(/UNAVAILABLE|unavailable/);
    for (const name of names) await cluster.start(name);
    expect(cluster.members().map(({ clientUrl }) => clientUrl)).toEqual(urls);
    await untilAllFollowOne();
    const after = client('m2');
    const read = await after.range({ key: 'kept' });
    after.close();
    expect(read.type === 'ok' && read.value.kvs[0]?.value.toString()).toBe('v');
    expect(cluster.unexpectedExits()).toEqual([]);
  });

  it('pauses a leader so that another takes over, and lets it follow when it goes on', async () => {
    const old = await untilAllFollowOne();
    await cluster.pause(old);
    await expect(cluster.status(old, 200)).rejects.toThrow(/status of/);
    await waitFor(async () => ((await cluster.leader()) === undefined ? undefined : true), {
      what: 'another leader',
      limitMs,
    });
    expect(await cluster.leader()).not.toBe(old);
    await cluster.resume(old);
    await untilAllFollowOne();
  });

  it('stops a member in order, and kills one that is paused', async () => {
    await cluster.stop('m3');
    expect(readFileSync(cluster.log('m3')!, 'utf8')).toMatch(/received (terminated )?signal/);
    await cluster.start('m3');
    await cluster.pause('m3');
    await cluster.kill('m3');
    await cluster.start('m3');
    await untilAllFollowOne();
    expect(cluster.unexpectedExits()).toEqual([]);
  });

  it('cuts off a leader from its peers, but not from its clients', async () => {
    const old = await untilAllFollowOne();
    const { raftTerm } = await cluster.status(old);
    const others = cluster
      .members()
      .map(({ name }) => name)
      .filter((name) => name !== old);
    for (const other of others) {
      await cluster.cut(old, other);
      await cluster.cut(other, old);
    }
    const next = await waitFor(
      async () => {
        const leader = await cluster.leader();
        return leader === old ? undefined : leader;
      },
      { what: 'the majority to elect a leader', limitMs },
    );
    expect((await cluster.status(next)).raftTerm).toBeGreaterThan(raftTerm);
    // The old leader still answers its clients, but knows no newer term and can commit nothing.
    expect((await cluster.status(old)).raftTerm).toBe(raftTerm);
    const cutOff = client(old);
    const put = await cutOff.put({ key: 'lost', value: 'v' }, { timeoutMs: 300 });
    cutOff.close();
    expect(put.type).not.toBe('ok');
    await cluster.mendAll();
    await untilAllFollowOne();
  });

  it('notices a member that ends although nobody asked it to', async () => {
    process.kill(cluster.members()[2]!.pid!, 'SIGKILL');
    await waitFor(() => cluster.unexpectedExits()[0], { what: 'the exit to be seen', limitMs });
    expect(cluster.unexpectedExits()).toMatchObject([{ member: 'm3', signal: 'SIGKILL' }]);
    await cluster.start('m3');
    await untilAllFollowOne();
  });
});

describeWithDocker('what a runner leaves behind', () => {
  const limitMs = 30_000;
  const containerModule = join(__dirname, 'containerCluster.ts');
  const script = `
    require(process.argv[1]).etcdContainers({ memberCount: 1 }).start()
      .then(() => { console.log('started'); setInterval(() => undefined, 1000); })
      .catch((error) => { console.error(error); process.exit(1); });`;

  /** The clusters of a runner, by its process id. */
  async function clustersOf(engine: Engine, pid: number): Promise<readonly string[]> {
    const networks = await engine.listNetworks({ filters: { label: ['raft-crucible'] } });
    return networks.flatMap(({ Labels = {} }) => {
      const runner = decodeRunner(Labels['raft-crucible.runner']);
      return runner?.pid === pid ? [Labels[clusterLabel]!] : [];
    });
  }

  it.each(['SIGINT', 'SIGKILL'] as const)(
    'is removed by the reaper after %s',
    async (signal) => {
      const { engine } = await connectContainerRuntime();
      const runner = spawn(
        process.execPath,
        ['--require', require.resolve('esbuild-register'), '-e', script, containerModule],
        { stdio: ['ignore', 'pipe', 'inherit'] },
      );
      await Promise.race([once(runner.stdout, 'data'), once(runner, 'exit')]);
      const [cluster] = await clustersOf(engine, runner.pid!);
      expect(await left(engine, `${clusterLabel}=${cluster}`)).toBe(3);
      const gone = once(runner, 'exit');
      runner.kill(signal);
      await gone;
      await waitFor(
        async () => ((await left(engine, `${clusterLabel}=${cluster}`)) === 0 ? true : undefined),
        { what: 'the reaper to have removed everything', limitMs, intervalMs: 100 },
      );
    },
    60_000,
  );

  it('is swept by the next start when the reaper died as well, and only then', async () => {
    const { engine } = await connectContainerRuntime();
    const names = { dead: randomUUID(), living: randomUUID(), foreign: randomUUID() };
    const runners = {
      dead: { ...thisRunner(), startedAt: '1' },
      living: thisRunner(),
      foreign: { ...thisRunner(), host: 'elsewhere' },
    };
    for (const fate of ['dead', 'living', 'foreign'] as const) {
      const Labels = {
        ...labelsOf(names[fate]),
        'raft-crucible.runner': encodeRunner(runners[fate]),
      };
      await engine.createNetwork({ Name: `raft-crucible-${names[fate]}`, Labels });
    }
    const swept = await sweepDeadRunners(engine);
    expect(swept).toContain(names.dead);
    expect(swept).not.toContain(names.living);
    expect(swept).not.toContain(names.foreign);
    expect(await left(engine, `${clusterLabel}=${names.dead}`)).toBe(0);
    expect(await sweepDeadRunners(engine, -1_000_000)).toEqual([names.foreign]);
    await engine.getNetwork(`raft-crucible-${names.living}`).remove();
  });
});
