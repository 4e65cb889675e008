/**
 * What is done to the members while leases are kept: leaders sleep, and wall clocks jump. Neither
 * may make a lease end before its time.
 */
import { faults } from '../faults/faults';
import { pause } from '../wait';
import type { Stage } from './stage';

const pauseColour = '#d1495b';

/** The leader stands still for half the time of a lease, and wakes up deposed. */
export async function sleepingLeader(
  stage: Stage,
  ttlMs: number,
  look: () => Promise<void>,
): Promise<void> {
  const { cluster, context } = stage;
  await stage.untilHealed();
  const leader = (await cluster.leader())!;
  if (!cluster.capabilities.has('pause')) {
    await pause(ttlMs, context.signal);
    return;
  }
  await stage.during('pause leader', [leader], pauseColour, async () => {
    await cluster.pause(leader);
    await pause(ttlMs / 2, context.signal);
    await look();
    await cluster.resume(leader);
  });
  await stage.untilHealed();
  await look();
}

/**
 * The clock of the leader is an hour ahead, or that of a follower an hour behind, for the whole
 * time of a lease; in the end both are right again.
 */
export async function wrongClocks(
  stage: Stage,
  ttlMs: number,
  look: () => Promise<void>,
): Promise<void> {
  const { cluster, context } = stage;
  for (const fault of [faults.clockJump('leader'), faults.clockJump('follower', -3_600_000)]) {
    await stage.untilHealed();
    const leader = (await cluster.leader())!;
    const follower = stage.names.find((name) => name !== leader)!;
    const hit = [fault.aim === 'leader' ? leader : follower];
    await stage.during(fault.name, hit, fault.shading.colour, async () => {
      await fault.inject(cluster, hit);
      await look();
      await pause(ttlMs, context.signal);
      await look();
      await fault.heal(cluster, hit);
      await fault.verifyHealed(cluster, hit, { limitMs: ttlMs * 10, signal: context.signal });
    });
    await look();
  }
}
