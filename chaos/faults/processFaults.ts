/**
 * Faults of whole members:
 * - kill: what was acknowledged must be on disk (as far as the kernel holds what was written);
 * - stop: an orderly end must not lose anything either, and hands over leadership;
 * - restart: down and up at once, so that a member meets its own old connections;
 * - pause: a leader that sleeps, is deposed and wakes up must not answer from its old belief.
 */
import { describeAim, each, inState, makeFault, startDown, type Aim, type Fault } from './fault';

/** The processes of the members die at once; healing starts them again with their data. */
export function kill(aim: Aim = 'random'): Fault {
  return makeFault({
    name: `kill ${describeAim(aim)}`,
    needs: ['kill'],
    aim,
    colour: '#d1495b',
    inject: (cluster, members) => each(members, (name) => cluster.kill(name)),
    heal: startDown,
  });
}

/** The members end in an orderly way; healing starts them again with their data. */
export function stop(aim: Aim = 'random'): Fault {
  return makeFault({
    name: `stop ${describeAim(aim)}`,
    needs: ['stop'],
    aim,
    colour: '#c77d2e',
    inject: (cluster, members) => each(members, (name) => cluster.stop(name)),
    heal: startDown,
  });
}

/** Killed and started again in one go. */
export function restart(aim: Aim = 'random'): Fault {
  return makeFault({
    name: `restart ${describeAim(aim)}`,
    needs: ['kill'],
    aim,
    colour: '#b5651d',
    inject: async (cluster, members) => {
      await each(members, (name) => cluster.kill(name));
      await each(members, (name) => cluster.start(name));
    },
    heal: startDown,
  });
}

/** The processes of the members stand still; healing lets them go on as if nothing had been. */
export function pause(aim: Aim = 'random'): Fault {
  return makeFault({
    name: `pause ${describeAim(aim)}`,
    needs: ['pause'],
    aim,
    colour: '#8a63d2',
    inject: (cluster, members) => each(members, (name) => cluster.pause(name)),
    heal: (cluster, members) =>
      each(inState(cluster, members, 'paused'), (name) => cluster.resume(name)),
  });
}
