/** Faults of what a member has from its machine: memory, processor, clock. */
import { TargetError, type RunningCluster } from '../target';
import { clockAheadMs } from '../targets/wallClock';
import { WaitTimeout, waitFor } from '../wait';
import {
  describeAim,
  each,
  inState,
  makeFault,
  startDown,
  untilAllFollowOneLeader,
  type Aim,
  type Fault,
  type HealedOptions,
} from './fault';

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

/** A clock is told in whole seconds, and by a server that may look at it once a second. */
const clockToleranceMs = 2_500;
const clockLimitMs = 5_000;

/** The wall clocks of the members are wrong, by default by an hour. */
export function clockJump(aim: Aim = 'leader', offsetMs = 3_600_000): Fault {
  return makeFault({
    name: `clock ${offsetMs < 0 ? 'back' : 'ahead'} ${describeAim(aim)}`,
    needs: ['clock'],
    ...{ aim, colour },
    inject: async (cluster, members) => {
      await each(members, (name) => cluster.setClock(name, offsetMs));
      try {
        await untilClocksSay(cluster, members, offsetMs, { limitMs: clockLimitMs });
      } catch (error) {
        await each(members, (name) => cluster.setClock(name, 0));
        if (!(error instanceof WaitTimeout)) throw error;
        throw new TargetError('notCapable', 'the members do not notice a clock that jumps');
      }
    },
    heal: (cluster, members) => each(members, (name) => cluster.setClock(name, 0)),
    verifyHealed: async (cluster, members, options) => {
      await untilClocksSay(cluster, members, 0, options);
      await untilAllFollowOneLeader(cluster, options);
    },
  });
}

/** Who does not tell its time is taken at its word. */
async function untilClocksSay(
  cluster: RunningCluster,
  members: readonly string[],
  offsetMs: number,
  { limitMs, signal }: HealedOptions,
): Promise<void> {
  const hit = cluster.members().filter(({ name }) => members.includes(name));
  await each(
    hit.map(({ clientUrl }) => clientUrl),
    (url) =>
      waitFor(
        async () => {
          const aheadMs = await clockAheadMs(url);
          const isThere = Math.abs((aheadMs ?? offsetMs) - offsetMs) < clockToleranceMs;
          return isThere ? true : undefined;
        },
        { what: `the clock of ${url} to be ${offsetMs} ms ahead`, limitMs, signal },
      ),
  );
}
