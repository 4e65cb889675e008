/**
 * The faults, by name: `faults.kill('leader')`, `faults.partition('minority')`.
 *
 * What each one is for:
 * - kill: what was acknowledged must be on disk (as far as the kernel holds what was written);
 * - stop: an orderly end must not lose anything either, and hands over leadership;
 * - pause: a leader that sleeps, is deposed and wakes up must not answer from its old belief;
 * - partition and its one-way kin: elections, stale leaders, divergent logs that get truncated.
 */
import type { RunningCluster } from '../target';
import { describeAim, untilAllFollowOneLeader, type Aim, type Fault } from './fault';

/** Members in a given state; a fault heals only what it did itself. */
function inState(
  cluster: RunningCluster,
  members: readonly string[],
  state: 'paused' | 'down',
): readonly string[] {
  const there = new Set(
    cluster
      .members()
      .filter((member) => member.state === state)
      .map(({ name }) => name),
  );
  return members.filter((name) => there.has(name));
}

async function startDown(cluster: RunningCluster, members: readonly string[]): Promise<void> {
  await Promise.all(inState(cluster, members, 'down').map((name) => cluster.start(name)));
}

function verifyHealed(
  ...[cluster, , options]: Parameters<Fault['verifyHealed']>
): ReturnType<Fault['verifyHealed']> {
  return untilAllFollowOneLeader(cluster, options);
}

/** The processes of the members die at once; healing starts them again with their data. */
function kill(aim: Aim = 'random'): Fault {
  return {
    name: `kill ${describeAim(aim)}`,
    needs: ['kill'],
    aim,
    shading: { label: `kill ${describeAim(aim)}`, colour: '#d1495b' },
    inject: async (cluster, members) => {
      await Promise.all(members.map((name) => cluster.kill(name)));
    },
    heal: startDown,
    verifyHealed,
  };
}

/** The members end in an orderly way; healing starts them again with their data. */
function stop(aim: Aim = 'random'): Fault {
  return {
    name: `stop ${describeAim(aim)}`,
    needs: ['stop'],
    aim,
    shading: { label: `stop ${describeAim(aim)}`, colour: '#c77d2e' },
    inject: async (cluster, members) => {
      await Promise.all(members.map((name) => cluster.stop(name)));
    },
    heal: startDown,
    verifyHealed,
  };
}

/** The processes of the members stand still; healing lets them go on as if nothing had been. */
function pause(aim: Aim = 'random'): Fault {
  return {
    name: `pause ${describeAim(aim)}`,
    needs: ['pause'],
    aim,
    shading: { label: `pause ${describeAim(aim)}`, colour: '#8a63d2' },
    inject: async (cluster, members) => {
      await Promise.all(members.map((name) => cluster.pause(name)));
    },
    heal: async (cluster, members) => {
      await Promise.all(inState(cluster, members, 'paused').map((name) => cluster.resume(name)));
    },
    verifyHealed,
  };
}

/** Which directions between the hit members and the others carry nothing. */
type CutDirections = 'both' | 'outgoing' | 'incoming';

function cutFault(name: string, aim: Aim, directions: CutDirections): Fault {
  return {
    name,
    needs: ['partition'],
    aim,
    shading: { label: name, colour: '#2e86ab' },
    inject: async (cluster, members) => {
      const inside = new Set(members);
      const outside = cluster.members().filter((member) => !inside.has(member.name));
      for (const one of members) {
        for (const { name: other } of outside) {
          if (directions !== 'incoming') await cluster.cut(one, other);
          if (directions !== 'outgoing') await cluster.cut(other, one);
        }
      }
    },
    heal: (cluster) => cluster.mendAll(),
    verifyHealed,
  };
}

/** The members are cut off from the others, in both directions; clients still reach them. */
function partition(aim: Aim = 'minority'): Fault {
  return cutFault(`partition ${describeAim(aim)}`, aim, 'both');
}

/** The members hear the others but nothing they send arrives. */
function mute(aim: Aim = 'leader'): Fault {
  return cutFault(`mute ${describeAim(aim)}`, aim, 'outgoing');
}

/** The members send but hear nothing of the others. */
function deafen(aim: Aim = 'leader'): Fault {
  return cutFault(`deafen ${describeAim(aim)}`, aim, 'incoming');
}

/**
 * One pair of members cannot talk, everybody else can: the members disagree about who is alive
 * although each of them still sees a majority. The pair is the hit member and its successor.
 */
function cutLink(aim: Aim = 'random'): Fault {
  const name = `cut link of ${describeAim(aim)}`;
  return {
    ...cutFault(name, aim, 'both'),
    inject: async (cluster, members) => {
      const names = cluster.members().map((member) => member.name);
      for (const one of members) {
        const other = names[(names.indexOf(one) + 1) % names.length]!;
        if (other === one) continue;
        await cluster.cut(one, other);
        await cluster.cut(other, one);
      }
    },
  };
}

/** The named constructors. */
export const faults = { kill, stop, pause, partition, mute, deafen, cutLink } as const;

/** A sound mixture for a first run: every kind once, aimed where it hurts. */
export function defaultFaults(): readonly Fault[] {
  return [
    faults.kill('leader'),
    faults.kill('minority'),
    faults.kill('all'),
    faults.stop('leader'),
    faults.pause('leader'),
    faults.pause('majority'),
    faults.partition('leader'),
    faults.mute('leader'),
    faults.deafen('follower'),
    faults.cutLink('leader'),
  ];
}

/** Makes everything well again, whatever was done: for the end of a run, also an aborted one. */
export async function healEverything(cluster: RunningCluster): Promise<void> {
  if (cluster.capabilities.has('partition')) await cluster.mendAll();
  for (const { name, state } of cluster.members()) {
    if (state === 'paused') await cluster.resume(name);
    else if (state === 'down') await cluster.start(name);
  }
}
