/** What faults of the links between members must be seen to do. */
import { readFileSync } from 'node:fs';

import { faults } from '../faults';
import type { Effect, EffectBench } from './effectBench';

const manyPuts = 150;

/**
 * A counter of the kernel for the network of a member, e.g. `Tcp: RetransSegs`. Containers have a
 * network of their own; what has none cannot be shaped by packets either.
 */
function counter(bench: EffectBench, name: string, group: string, field: string): number {
  const { pid } = bench.member(name);
  const file = group === 'Tcp' ? 'snmp' : 'netstat';
  const lines = readFileSync(`/proc/${pid}/net/${file}`, 'utf8').split('\n');
  const [titles, values] = lines.filter((line) => line.startsWith(`${group}:`));
  const column = titles!.split(' ').indexOf(field);
  return Number(values!.split(' ')[column]);
}

/** The same work with and without a fault, by what it adds to a counter of all members. */
async function counted(bench: EffectBench, group: string, field: string): Promise<number> {
  const sum = (): number =>
    bench.names.reduce((total, name) => total + counter(bench, name, group, field), 0);
  const before = sum();
  for (let i = 0; i < manyPuts; i += 1) {
    await bench.client.put({ key: 'counted', value: 'x' }, { timeoutMs: 10_000 });
  }
  return sum() - before;
}

/**
 * A pair of members that cannot talk, one of which leads: it is replaced, or the other one stays
 * without what is written.
 */
async function expectPairApart(bench: EffectBench, leader: string, other: string): Promise<void> {
  const key = `apart-${bench.names.length}-${performance.now()}`;
  await bench.untilWritten(key);
  // Through the third member it gets there only if that one leads.
  const isThere = await bench.has(other, key);
  if (isThere) expect(await bench.cluster.leader()).not.toBe(leader);
}

/** The connections that arrive where a member listens for others: the ports they come from. */
function arriving(bench: EffectBench, name: string): ReadonlySet<string> {
  const port = Number(new URL(bench.cluster.peerUrl(name)).port)
    .toString(16)
    .toUpperCase();
  const isOpen = '01';
  const rows = readFileSync('/proc/net/tcp', 'utf8').split('\n').slice(1);
  const from = rows.flatMap((row) => {
    const [, local = '', remote = '', state] = row.trim().split(/\s+/);
    return local.endsWith(`:${port.padStart(4, '0')}`) && state === isOpen ? [remote] : [];
  });
  return new Set(from);
}

export const linkEffects = {
  partition: {
    title: 'partition: a leader that is cut off still answers clients, and is replaced',
    needs: ['partition'],
    look: async (bench) => {
      const { leader } = await bench.roles();
      await bench.during(faults.partition('leader'), [leader], async () => {
        const elected = await bench.untilLedBy((other) => other !== leader);
        const { raftTerm } = await bench.cluster.status(leader);
        expect((await bench.cluster.status(elected)).raftTerm).toBeGreaterThan(raftTerm);
        await bench.untilWritten('by the majority', [elected]);
        expect(await bench.has(leader, 'by the majority')).toBe(false);
      });
    },
  },
  isolate: {
    title: 'isolate: nobody can write',
    needs: ['partition'],
    look: (bench) => bench.during(faults.isolate('all'), bench.names, () => bench.expectNoWrite()),
  },
  mute: {
    title: 'mute: a leader that nobody hears is replaced',
    needs: ['partition'],
    look: async (bench) => {
      const { leader } = await bench.roles();
      await bench.during(faults.mute('leader'), [leader], async () => {
        await bench.untilLedBy((other) => other !== leader);
      });
    },
  },
  deafen: {
    title: 'deafen: what the others write does not reach the member',
    needs: ['partition'],
    look: async (bench) => {
      const { followers } = await bench.roles();
      const deaf = followers[0]!;
      const others = bench.names.filter((name) => name !== deaf);
      await bench.during(faults.deafen('follower'), [deaf], async () => {
        await bench.untilWritten('unheard', others);
        expect(await bench.has(deaf, 'unheard')).toBe(false);
      });
      expect(await bench.has(deaf, 'unheard')).toBe(true);
    },
  },
  cutLink: {
    title: 'cut link: the pair does not talk, everybody else does',
    needs: ['partition'],
    look: async (bench) => {
      const { leader } = await bench.roles();
      const successor = bench.names[(bench.endpointOf(leader) + 1) % bench.names.length]!;
      await bench.during(faults.cutLink('leader'), [leader], () =>
        expectPairApart(bench, leader, successor),
      );
    },
  },
  bridge: {
    title: 'bridge: the two others do not hear each other',
    needs: ['partition'],
    look: async (bench) => {
      const { leader, followers } = await bench.roles();
      await bench.during(faults.bridge('random'), [followers[0]!], () =>
        expectPairApart(bench, leader, followers[1]!),
      );
    },
  },
  ring: {
    title: 'ring: of three, each unheard by its successor, nobody can write',
    needs: ['partition'],
    look: (bench) => bench.during(faults.ring(), bench.names, () => bench.expectNoWrite()),
  },
  latency: {
    title: 'latency: a write takes two delays more',
    needs: ['delay'],
    look: async (bench) => {
      const before = await bench.putMs('x');
      await bench.during(faults.latency('all', 100, 0), bench.names, async () => {
        expect(await bench.putMs('x')).toBeGreaterThan(Math.max(195, before));
      });
      expect(await bench.putMs('x')).toBeLessThan(195);
    },
  },
  bandwidth: {
    title: 'bandwidth: half a megabyte is not there within two seconds',
    needs: ['bandwidth'],
    look: async (bench) => {
      const isQuick = async (): Promise<boolean> => {
        const { leader } = await bench.roles();
        const options = { timeoutMs: 2_000, endpoint: bench.endpointOf(leader) };
        const put = await bench.client.put({ key: 'large', value: 'x'.repeat(500_000) }, options);
        return put.type === 'ok';
      };
      await bench.during(faults.bandwidth('all', 200_000), bench.names, async () => {
        expect(await isQuick()).toBe(false);
      });
      expect(await isQuick()).toBe(true);
    },
  },
  loss: {
    title: 'loss: much has to be sent again',
    needs: ['loss'],
    look: async (bench) => {
      const before = await counted(bench, 'Tcp', 'RetransSegs');
      await bench.during(faults.loss('all', 0.1), bench.names, async () => {
        expect(await counted(bench, 'Tcp', 'RetransSegs')).toBeGreaterThan(before + 10);
      });
    },
  },
  duplicate: {
    title: 'duplication: segments arrive again',
    needs: ['duplicate'],
    look: (bench) =>
      bench.during(faults.duplicate('all', 0.3), bench.names, async () => {
        expect(await counted(bench, 'TcpExt', 'TCPDSACKOldSent')).toBeGreaterThan(10);
      }),
  },
  reorder: {
    title: 'reordering: segments arrive out of order',
    needs: ['reorder'],
    look: (bench) =>
      bench.during(faults.reorder('all', 0.3), bench.names, async () => {
        expect(await counted(bench, 'TcpExt', 'TCPOFOQueue')).toBeGreaterThan(10);
      }),
  },
  reset: {
    title: 'reset: connections are new afterwards',
    needs: ['reset'],
    look: async (bench) => {
      const before = arriving(bench, 'm1');
      expect(before.size).toBeGreaterThan(0);
      await bench.during(faults.reset('all'), bench.names, async () => {
        const after = await bench.eventually('new connections', () => {
          const now = arriving(bench, 'm1');
          return Promise.resolve(now.size > 0 ? now : undefined);
        });
        expect([...after].filter((one) => before.has(one))).toEqual([]);
      });
    },
  },
} as const satisfies Readonly<Record<string, Effect>>;
