/**
 * The members of a simulated cluster, before any of them has started: those that found it, and
 * the spares that may be added later. Each has random streams of its own.
 */
import type { ConfState } from '../raft/types';
import { memberRecord } from './membership';
import type { Plan } from './plan';
import type { Streams } from './prng';
import type { Scheduler } from './scheduler';
import { SimMember } from './simMember';
import type { MemberObserver } from './simMember';
import type { SimNetwork } from './simNetwork';

export function newMembers(
  plan: Plan,
  streams: Streams,
  scheduler: Scheduler,
  network: SimNetwork,
  observer: MemberObserver,
): SimMember[] {
  const voters = Array.from({ length: plan.members }, (_, i) => i + 1);
  const conf: ConfState = {
    voters,
    learners: [],
    votersOutgoing: [],
    learnersNext: [],
    autoLeave: false,
  };
  const spares = plan.spares ?? 0;
  const ids = Array.from({ length: plan.members + spares }, (_, i) => i + 1);
  const founders = spares === 0 ? [] : voters.map((id) => memberRecord(id, false));
  const clock = streams.get('clock');
  const drift = plan.options.clock.driftPercent / 100;
  return ids.map((id) => {
    return new SimMember({
      id,
      conf: id <= plan.members ? conf : undefined,
      founders,
      plan: plan.options.member,
      disk: plan.options.disk,
      clockRate: 1 + drift * (2 * clock.unit() - 1),
      scheduler,
      network,
      observer,
      diskRandom: streams.get(`disk ${id}`),
      processRandom: streams.get(`member ${id}`),
    });
  });
}
