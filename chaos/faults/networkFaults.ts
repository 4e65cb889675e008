/**
 * Faults of the links between members: cut in every shape that makes elections hard, slow, and
 * unreliable. Clients still reach every member, so a stale one can be caught answering.
 */
import type { Capability, LinkShape, RunningCluster } from '../target';
import { describeAim, each, makeFault, type Aim, type Fault } from './fault';

/** Directed pairs: what `from` sends to `to`. */
type Links = readonly (readonly [from: string, to: string])[];
type ChooseLinks = (all: readonly string[], members: readonly string[]) => Links;

const cutColour = '#2e86ab';
const slowColour = '#3c9d8f';

function cutFault(name: string, aim: Aim, choose: ChooseLinks): Fault {
  return makeFault({
    name,
    needs: ['partition'],
    aim,
    colour: cutColour,
    inject: async (cluster, members) => {
      for (const [from, to] of choose(namesOf(cluster), members)) await cluster.cut(from, to);
    },
    heal: (cluster) => cluster.mendAll(),
  });
}

function namesOf(cluster: RunningCluster): readonly string[] {
  return cluster.members().map(({ name }) => name);
}

/** All links from one group to another, in that direction. */
function between(from: readonly string[], to: readonly string[]): Links {
  return from.flatMap((one) => to.filter((two) => two !== one).map((two) => [one, two] as const));
}

function bothWays(left: readonly string[], right: readonly string[]): Links {
  return [...between(left, right), ...between(right, left)];
}

function without(all: readonly string[], members: readonly string[]): readonly string[] {
  return all.filter((name) => !members.includes(name));
}

/** The members are cut off from the others, in both directions; clients still reach them. */
export function partition(aim: Aim = 'minority'): Fault {
  return cutFault(`partition ${describeAim(aim)}`, aim, (all, members) =>
    bothWays(members, without(all, members)),
  );
}

/** The members are cut off from the others and from each other: nobody hears anybody of them. */
export function isolate(aim: Aim = 'all'): Fault {
  return cutFault(`isolate ${describeAim(aim)}`, aim, (all, members) =>
    members.flatMap((one) => bothWays([one], without(all, [one]))),
  );
}

/** The members hear the others but nothing they send arrives. */
export function mute(aim: Aim = 'leader'): Fault {
  return cutFault(`mute ${describeAim(aim)}`, aim, (all, members) =>
    between(members, without(all, members)),
  );
}

/** The members send but hear nothing of the others. */
export function deafen(aim: Aim = 'leader'): Fault {
  return cutFault(`deafen ${describeAim(aim)}`, aim, (all, members) =>
    between(without(all, members), members),
  );
}

/**
 * One pair of members cannot talk, everybody else can: the members disagree about who is alive
 * although each of them still sees a majority. The pair is the hit member and its successor.
 */
export function cutLink(aim: Aim = 'random'): Fault {
  return cutFault(`cut link of ${describeAim(aim)}`, aim, (all, members) =>
    members.flatMap((one) => bothWays([one], [all[(all.indexOf(one) + 1) % all.length]!])),
  );
}

/** The hit member alone hears both halves of the others, which do not hear each other. */
export function bridge(aim: Aim = 'random'): Fault {
  return cutFault(`bridge at ${describeAim(aim)}`, aim, (all, members) => {
    const others = without(all, members.slice(0, 1));
    const half = Math.ceil(others.length / 2);
    return bothWays(others.slice(0, half), others.slice(half));
  });
}

/**
 * Everybody hears a majority and no two the same one. With fewer than five members that is not
 * possible in both directions; then each is merely not heard by its successor.
 */
export function ring(): Fault {
  return cutFault('ring', 'all', (all) => {
    const n = all.length;
    if (n < 5) return all.map((name, i) => [name, all[(i + 1) % n]!] as const);
    const reach = Math.floor((Math.floor(n / 2) + 1) / 2);
    return all.flatMap((one, i) => {
      const far = all.filter((_, j) => Math.min((n + i - j) % n, (n + j - i) % n) > reach);
      return between([one], far);
    });
  });
}

function shapeFault(name: string, aim: Aim, needs: readonly Capability[], shape: LinkShape): Fault {
  return makeFault({
    name: `${name} ${describeAim(aim)}`,
    needs,
    aim,
    colour: slowColour,
    inject: async (cluster, members) => {
      const links = bothWays(members, namesOf(cluster));
      const unique = new Map(links.map((link) => [link.join('>'), link]));
      for (const [from, to] of unique.values()) await cluster.shape(from, to, shape);
    },
    heal: (cluster) => cluster.mendAll(),
  });
}

/** What the members send and get is late; by default by half a heartbeat, and irregularly. */
export function latency(aim: Aim = 'all', delayMs = 50, jitterMs = delayMs / 2): Fault {
  return shapeFault(`delay ${delayMs} ms`, aim, ['delay'], { delayMs, jitterMs });
}

/** The links of the members carry this much only, by default 1 Mbit/s. */
export function bandwidth(aim: Aim = 'all', bytesPerSecond = 125_000): Fault {
  const name = `${Math.round(bytesPerSecond / 1_000)} kB/s`;
  return shapeFault(name, aim, ['bandwidth'], { bytesPerSecond });
}

/** A share of the packets of the members is lost. */
export function loss(aim: Aim = 'all', share = 0.2): Fault {
  return shapeFault(`lose ${share * 100} %`, aim, ['loss'], { loss: share });
}

/** A share of the packets arrives twice. */
export function duplicate(aim: Aim = 'all', share = 0.2): Fault {
  return shapeFault(`duplicate ${share * 100} %`, aim, ['duplicate'], { duplicate: share });
}

/** A share of the packets overtakes others. */
export function reorder(aim: Aim = 'all', share = 0.25): Fault {
  return shapeFault(`reorder ${share * 100} %`, aim, ['reorder'], { reorder: share });
}

/** All connections of the members break, with what is on its way; new ones work. */
export function reset(aim: Aim = 'all'): Fault {
  return makeFault({
    name: `reset ${describeAim(aim)}`,
    needs: ['reset'],
    aim,
    colour: slowColour,
    inject: (cluster, members) => each(members, (name) => cluster.breakConnections(name)),
    heal: () => Promise.resolve(),
  });
}
