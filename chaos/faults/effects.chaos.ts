/**
 * Every kind of fault is tested for its effect on real clusters: a delay delays, a full disk
 * refuses, a power failure loses what was not synced and nothing else; and healing undoes it. On
 * etcd and on the reference, as processes and in containers. What cannot be done there says so.
 */
import { spawnSync } from 'node:child_process';

import { EtcdClient } from '../../src/client';
import { etcdContainers, referenceContainers } from '../targets/containerCluster';
import { etcdProcess } from '../targets/etcdProcess';
import { referenceProcess } from '../targets/referenceProcess';
import { TargetError, type Capability, type Cluster } from '../target';
import { describeWithEtcd, quickTimings } from '../testing';
import { waitFor } from '../wait';
import { faults } from './faults';
import { EffectBench, type Effect } from './testing/effectBench';
import { linkEffects } from './testing/linkEffects';
import { machineEffects } from './testing/machineEffects';
import { memberEffects } from './testing/memberEffects';

/** One for each fault there is: a new fault without an effect does not compile. */
const effects: Readonly<Record<keyof typeof faults, Effect>> = {
  ...memberEffects,
  ...linkEffects,
  ...machineEffects,
};

const ofProcesses = { ...quickTimings, disks: 'own', fakeClock: true } as const;
const targets: Readonly<Record<string, () => Cluster>> = {
  'etcd processes': () => etcdProcess(ofProcesses),
  'processes of the reference': () => referenceProcess(ofProcesses),
  'containers of etcd': () => probed('etcdContainers'),
  'containers of the reference': () => probed('referenceContainers'),
};

/**
 * What containers can do is only known when one runs, and which tests there are must be known at
 * once: another process finds out.
 */
function probed(kind: 'etcdContainers' | 'referenceContainers'): Cluster {
  const script = `
    require(process.argv[1]).${kind}().probe()
      .then(({ missing }) => console.log(JSON.stringify([...missing])))
      .catch((error) => { console.error(error.message); process.exit(1); });`;
  const argv = ['--require', require.resolve('esbuild-register'), '-e', script];
  const module = require.resolve('../targets/containerCluster');
  const probe = spawnSync(process.execPath, [...argv, module], { encoding: 'utf8' });
  if (probe.status !== 0) throw new TargetError('notFound', probe.stderr.trim());
  const cluster = { etcdContainers, referenceContainers }[kind](quickTimings);
  const missing = new Map(JSON.parse(probe.stdout) as [Capability, string][]);
  return {
    ...{ description: cluster.description, capabilities: cluster.capabilities, missing },
    start: async (signal) => (await cluster.probe(signal)).start(signal),
  };
}

/** The target, or why there is none here. */
function targetOr(make: () => Cluster): Cluster | string {
  try {
    return make();
  } catch (error) {
    if (error instanceof TargetError && error.code === 'notFound') return error.message;
    throw error;
  }
}

describe.each(Object.entries(targets))('the effect of each fault on %s', (_, make) => {
  const target = targetOr(make);
  if (typeof target === 'string') {
    it.todo(`skipped: ${target}`);
    return;
  }
  let bench: EffectBench;

  beforeAll(async () => {
    bench = await EffectBench.start(target);
  });

  beforeEach(() => bench.reconnect());

  afterAll(() => bench.end());

  for (const { title, needs, look } of Object.values(effects)) {
    const reasons = needs.flatMap((one) => target.missing?.get(one) ?? []);
    if (reasons.length === 0) it(title, () => look(bench));
    else it.todo(`skipped: ${title}, because ${reasons.join(', ')}`);
  }
});

describeWithEtcd('a disk that lies about its syncs', () => {
  const missing = etcdProcess({ disks: 'lying' }).missing.get('disk');
  const title = 'loses acknowledged writes in a power failure, and a kill does not show it';
  if (missing !== undefined) {
    it.todo(`skipped: ${title}: ${missing}`);
    return;
  }
  it(title, async () => {
    await using cluster = await etcdProcess({
      ...quickTimings,
      ...{ disks: 'lying', memberCount: 1 },
    }).start();
    const client = new EtcdClient({ endpoints: [cluster.members()[0]!.clientUrl] });
    const count = async (): Promise<number> => {
      const read = await waitFor(
        async () => {
          const range = await client.range({ key: 'p', rangeEnd: 'q', countOnly: true });
          return range.type === 'ok' ? range : undefined;
        },
        { what: 'the member to serve', limitMs: 20_000 },
      );
      return Number(read.value.count);
    };
    for (let i = 0; i < 200; i += 1) await client.put({ key: `p${i}`, value: 'x' });
    await cluster.kill('m1');
    await cluster.start('m1');
    expect(await count()).toBe(200);
    await faults.powerFailure('all').inject(cluster, ['m1']);
    await cluster.start('m1');
    expect(await count()).toBeLessThan(200);
    client.close();
  });
});
