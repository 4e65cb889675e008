/** Faults of what a member has from its machine: memory, processor, clock. */
import { describeAim, each, inState, makeFault, startDown, type Aim, type Fault } from './fault';

const colour = '#5b6c8f';

/**
 * The members get only this much more memory, so that they come to be killed for want of it,
 * without a chance to finish anything. Default 24 MiB.
 */
export function outOfMemory(aim: Aim = 'leader', memoryBytes = 24 * 2 ** 20): Fault {
  return makeFault({
    name: `memory limit ${describeAim(aim)}`,
    needs: ['memory'],
    ...{ aim, colour },
    inject: (cluster, members) =>
      each(members, async (name) => {
        cluster.allowExit(name);
        await cluster.limit(name, { memoryBytes });
      }),
    heal: async (cluster, members) => {
      await each(members, (name) => cluster.limit(name, {}));
      await startDown(cluster, members);
    },
  });
}

/** The members get a share of a processor, by default a twentieth. */
export function slowProcessor(aim: Aim = 'leader', cpus = 0.05): Fault {
  return makeFault({
    name: `slow processor ${describeAim(aim)}`,
    needs: ['cpu'],
    ...{ aim, colour },
    inject: (cluster, members) => each(members, (name) => cluster.limit(name, { cpus })),
    heal: (cluster, members) =>
      each(inState(cluster, members, 'running'), (name) => cluster.limit(name, {})),
  });
}

/** The wall clocks of the members are wrong, by default by an hour. */
export function clockJump(aim: Aim = 'leader', offsetMs = 3_600_000): Fault {
  return makeFault({
    name: `clock ${offsetMs < 0 ? 'back' : 'ahead'} ${describeAim(aim)}`,
    needs: ['clock'],
    ...{ aim, colour },
    inject: (cluster, members) => each(members, (name) => cluster.setClock(name, offsetMs)),
    heal: (cluster, members) => each(members, (name) => cluster.setClock(name, 0)),
  });
}
