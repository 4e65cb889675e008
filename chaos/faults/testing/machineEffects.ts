/** What faults of disks, memory, processor and clock must be seen to do. */
import { existsSync } from 'node:fs';
import { statfs, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import type { LoopDisk } from '../../targets/loopDisk';
import { clockAheadMs } from '../../targets/wallClock';
import { pause } from '../../wait';
import { faults } from '../faults';
import type { Effect, EffectBench } from './effectBench';

const hourMs = 3_600_000;

function diskOf(bench: EffectBench, name: string): LoopDisk {
  return bench.cluster.disk(name) as LoopDisk;
}

async function aheadMs(bench: EffectBench, name: string): Promise<number> {
  const { clientUrl } = bench.member(name);
  return bench.eventually(`the time of ${name}`, () => clockAheadMs(clientUrl));
}

/** How many of many reads, which keep all members busy, are not answered in time by whoever. */
async function unanswered(bench: EffectBench, timeoutMs: number): Promise<number> {
  const range = { key: 'p', rangeEnd: 'q', serializable: true };
  const reads = Array.from({ length: 1_500 }, (_, i) =>
    bench.client.range(range, { timeoutMs, endpoint: i % 3 }),
  );
  return (await Promise.all(reads)).filter(({ type }) => type !== 'ok').length;
}

async function writeFifty(bench: EffectBench): Promise<void> {
  for (let i = 0; i < 50; i += 1) await bench.untilWritten(`p${i}`);
}

export const machineEffects = {
  diskFull: {
    title: 'disk full: there is no space for anybody',
    needs: ['disk'],
    look: async (bench) => {
      const disk = diskOf(bench, 'm2');
      await bench.during(faults.diskFull('random'), ['m2'], async () => {
        expect((await statfs(disk.path)).bavail).toBeLessThan(100);
        await expect(writeFile(join(disk.path, 'x'), Buffer.alloc(1_000_000))).rejects.toThrow(
          /ENOSPC/,
        );
      });
      expect((await statfs(disk.path)).bavail).toBeGreaterThan(1_000);
    },
  },
  diskHangs: {
    title: 'disk hangs: what leads must not acknowledge',
    needs: ['disk'],
    look: (bench) =>
      bench.during(faults.diskHangs('all'), bench.names, () => bench.expectNoWrite()),
  },
  diskFails: {
    title: 'disk fails: writes and syncs are errors, the member is of no use until it works',
    needs: ['disk'],
    look: async (bench) => {
      const disk = diskOf(bench, 'm3');
      await bench.during(faults.diskFails('random'), ['m3'], async () => {
        await expect(writeFile(join(disk.path, 'x'), 'x')).rejects.toThrow(/EIO/);
        await bench.untilWritten('others');
      });
      expect(bench.cluster.unexpectedExits()).toEqual([]);
    },
  },
  slowDisk: {
    title: 'slow disk: megabytes take their time',
    needs: ['slowDisk'],
    look: async (bench) => {
      const large = 'x'.repeat(1_000_000);
      await bench.during(faults.slowDisk('all', 500_000), bench.names, async () => {
        expect(await bench.putMs(large)).toBeGreaterThan(1_500);
      });
      expect(await bench.putMs(large)).toBeLessThan(1_500);
    },
  },
  powerFailure: {
    title: 'power failure: keeps what was synced and loses what was not',
    needs: ['disk'],
    look: async (bench) => {
      const unsynced = join(diskOf(bench, 'm1').path, 'unsynced');
      await writeFifty(bench);
      await writeFile(unsynced, 'x');
      await bench.during(faults.powerFailure('all'), bench.names, async () => {
        expect(bench.cluster.members().every(({ state }) => state === 'down')).toBe(true);
        await pause(50);
      });
      expect(existsSync(unsynced)).toBe(false);
      const kept = await bench.client.range({ key: 'p', rangeEnd: 'q', countOnly: true });
      expect(kept.type === 'ok' && Number(kept.value.count)).toBe(50);
    },
  },
  outOfMemory: {
    title: 'memory limit: the member is killed for want of memory',
    needs: ['memory'],
    look: async (bench) => {
      await bench.during(faults.outOfMemory('random', 4 * 2 ** 20), ['m3'], async () => {
        const value = 'x'.repeat(500_000);
        await bench.eventually('m3 to be killed', async () => {
          await bench.client.put({ key: 'big', value });
          return bench.member('m3').state === 'down' ? true : undefined;
        });
      });
      expect(bench.cluster.unexpectedExits()).toEqual([]);
    },
  },
  slowProcessor: {
    title: 'slow processor: reading takes longer',
    needs: ['cpu'],
    look: async (bench) => {
      await writeFifty(bench);
      const limitMs = 60_000;
      expect(await unanswered(bench, limitMs)).toBe(0);
      const start = performance.now();
      expect(await unanswered(bench, limitMs)).toBe(0);
      const usualMs = performance.now() - start;
      await bench.during(faults.slowProcessor('all', 0.02), bench.names, async () => {
        expect(await unanswered(bench, 2 * usualMs)).toBeGreaterThan(0);
      });
    },
  },
  clockJump: {
    title: 'clock: the time of one member is wrong, and right again',
    needs: ['clock'],
    look: async (bench) => {
      for (const offsetMs of [hourMs, -hourMs]) {
        await bench.during(faults.clockJump('follower', offsetMs), ['m2'], async () => {
          expect(Math.abs((await aheadMs(bench, 'm2')) - offsetMs)).toBeLessThan(5_000);
          expect(Math.abs(await aheadMs(bench, 'm1'))).toBeLessThan(5_000);
          await bench.untilWritten('in spite of the clock');
        });
        expect(Math.abs(await aheadMs(bench, 'm2'))).toBeLessThan(5_000);
      }
    },
  },
} as const satisfies Readonly<Record<string, Effect>>;
