/**
 * Faults of disks. A power failure is the only one that tests durability: after a kill the kernel
 * still has everything that was written, synced or not.
 */
import { describeAim, each, makeFault, startDown, type Aim, type Fault } from './fault';

const colour = '#a0522d';

/** No space is left on the disks of the members. Who ends because of it is started again. */
export function diskFull(aim: Aim = 'minority'): Fault {
  return makeFault({
    name: `disk full ${describeAim(aim)}`,
    needs: ['disk'],
    ...{ aim, colour },
    inject: (cluster, members) =>
      each(members, async (name) => {
        cluster.allowExit(name);
        await cluster.disk(name).fill();
      }),
    heal: async (cluster, members) => {
      await each(members, (name) => cluster.disk(name).release());
      await startDown(cluster, members);
    },
  });
}

/** Writing hangs; reading what is cached goes on. */
export function diskHangs(aim: Aim = 'leader'): Fault {
  return makeFault({
    name: `disk hangs ${describeAim(aim)}`,
    needs: ['disk'],
    ...{ aim, colour },
    inject: (cluster, members) => each(members, (name) => cluster.disk(name).freeze()),
    heal: async (cluster, members) => {
      await each(members, (name) => cluster.disk(name).thaw());
      await startDown(cluster, members);
    },
  });
}

/** Writing is slow, by default 1 MB/s. */
export function slowDisk(aim: Aim = 'leader', bytesPerSecond = 1_000_000): Fault {
  return makeFault({
    name: `slow disk ${describeAim(aim)}`,
    needs: ['slowDisk'],
    ...{ aim, colour },
    inject: (cluster, members) =>
      each(members, (name) => cluster.limit(name, { diskBytesPerSecond: bytesPerSecond })),
    heal: (cluster, members) => each(members, (name) => cluster.limit(name, {})),
  });
}

/**
 * Every write and every sync is an error from now on. A member may end, or live on without
 * acknowledging anything; healing ends it, makes the disk work, and starts it.
 */
export function diskFails(aim: Aim = 'follower'): Fault {
  return makeFault({
    name: `disk fails ${describeAim(aim)}`,
    needs: ['disk'],
    ...{ aim, colour },
    inject: (cluster, members) => each(members, (name) => cluster.disk(name).fail()),
    heal: async (cluster, members) => {
      await each(members, (name) => cluster.disk(name).replug());
      await startDown(cluster, members);
    },
  });
}

/** The members lose power, all at the same time; what they had not synced is gone. */
export function powerFailure(aim: Aim = 'all'): Fault {
  return makeFault({
    name: `power failure ${describeAim(aim)}`,
    needs: ['disk', 'kill', 'pause'],
    ...{ aim, colour: '#b0569a' },
    inject: (cluster, members) => each(members, (name) => cluster.disk(name).cutPower()),
    heal: startDown,
  });
}
