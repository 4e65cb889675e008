/** What faults of whole members, and what operators do to them, must be seen to do. */
import { resolveAim } from '../aim';
import { Random } from '../../random';
import { faults } from '../faults';
import type { Effect } from './effectBench';

export const memberEffects = {
  kill: {
    title: 'kill: the member is gone, and is itself again',
    needs: ['kill'],
    look: async (bench) => {
      const { memberId } = await bench.cluster.status('m1');
      await bench.during(faults.kill('random'), ['m1'], async () => {
        expect(bench.member('m1')).toMatchObject({ state: 'down', pid: undefined });
        await expect(bench.cluster.status('m1', 500)).rejects.toThrow(/unavailable/i);
      });
      expect((await bench.cluster.status('m1')).memberId).toBe(memberId);
      expect(bench.cluster.unexpectedExits()).toEqual([]);
    },
  },
  stop: {
    title: 'stop: the member ends in order',
    needs: ['stop'],
    look: async (bench) => {
      await bench.during(faults.stop('random'), ['m2'], async () => {
        expect(bench.member('m2')).toMatchObject({ state: 'down', pid: undefined });
        await expect(bench.cluster.status('m2', 500)).rejects.toThrow(/unavailable/i);
      });
      expect(bench.cluster.unexpectedExits()).toEqual([]);
    },
  },
  restart: {
    title: 'restart: the same member, another process',
    needs: ['kill'],
    look: async (bench) => {
      const { pid } = bench.member('m1');
      const { memberId } = await bench.cluster.status('m1');
      await bench.during(faults.restart('random'), ['m1'], async () => {
        expect(bench.member('m1').pid).not.toBe(pid);
        await bench.eventually('m1 to answer', () => bench.cluster.status('m1'));
      });
      expect((await bench.cluster.status('m1')).memberId).toBe(memberId);
    },
  },
  pause: {
    title: 'pause: a leader does not answer, is replaced, and follows when it wakes up',
    needs: ['pause'],
    look: async (bench) => {
      const [leader] = await resolveAim('leader', bench.cluster, new Random('s'));
      await bench.during(faults.pause('leader'), [leader!], async () => {
        await expect(bench.cluster.status(leader!, 200)).rejects.toThrow(/deadline/i);
        await bench.untilLedBy((elected) => elected !== leader);
      });
    },
  },
  wipeAndRejoin: {
    title: 'wipe and rejoin: a new member with all of the data',
    needs: ['rejoin'],
    look: async (bench) => {
      await bench.untilWritten('kept');
      const before = await bench.cluster.status('m2');
      await bench.during(faults.wipeAndRejoin('follower'), ['m2'], () => Promise.resolve());
      expect((await bench.cluster.status('m2')).memberId).not.toBe(before.memberId);
      await bench.eventually('the data at m2', async () =>
        (await bench.has('m2', 'kept')) ? true : undefined,
      );
    },
  },
  removeAndAdd: {
    title: 'remove and add: two members while it lasts',
    needs: ['rejoin'],
    look: async (bench) => {
      const count = async (): Promise<number> => {
        const list = await bench.eventually('the members', async () => {
          const answer = await bench.client.memberList({}, { endpoint: 0 });
          return answer.type === 'ok' ? answer : undefined;
        });
        return list.value.members.length;
      };
      await bench.during(faults.removeAndAdd('follower'), ['m3'], async () => {
        expect(await count()).toBe(2);
      });
      expect(await count()).toBe(3);
      expect(bench.cluster.unexpectedExits()).toEqual([]);
    },
  },
  compaction: {
    title: 'compaction: the past is gone',
    needs: ['maintenance'],
    look: async (bench) => {
      for (let i = 0; i < 40; i += 1) await bench.client.put({ key: 'c', value: String(i) });
      await bench.during(faults.compaction(), ['m1'], async () => {
        const old = await bench.client.range({ key: 'c', revision: 2 });
        expect(old).toMatchObject({ type: 'fail' });
        expect(old.type !== 'ok' && old.error).toContain('compacted');
      });
    },
  },
  defragment: {
    title: 'defragment: the disk holds less than before',
    needs: ['maintenance'],
    look: async (bench) => {
      const value = 'x'.repeat(100_000);
      let revision = 0;
      for (let i = 0; i < 100; i += 1) {
        const put = await bench.client.put({ key: 'large', value });
        if (put.type === 'ok') revision = put.revision;
      }
      const compacted = await bench.client.compact({ revision, physical: true });
      expect(compacted.type).toBe('ok');
      const sizes = () =>
        Promise.all(
          [...bench.names.keys()].map(async (endpoint) => {
            const status = await bench.client.status({ endpoint });
            return status.type === 'ok' ? Number(status.value.dbSize) : Infinity;
          }),
        );
      const before = await sizes();
      await bench.during(faults.defragment('all'), bench.names, () => Promise.resolve());
      const after = await sizes();
      for (const [i, size] of after.entries()) expect(size).toBeLessThan(before[i]!);
    },
  },
  moveLeader: {
    title: 'move leader: another one leads',
    needs: ['maintenance'],
    look: async (bench) => {
      const { followers } = await bench.roles();
      const target = followers[0]!;
      await bench.during(faults.moveLeader(), [target], async () => {
        await bench.untilLedBy((leader) => leader === target);
      });
    },
  },
} as const satisfies Readonly<Record<string, Effect>>;
