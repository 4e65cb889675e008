/** What can be done to child processes on this machine, and why the rest cannot. */
import type { Capability } from '../target';
import { whyNoFakeClock } from './fakeClock';
import { whyNoLimit } from './limits';
import { canIdentifySockets } from './linkProxies';
import { whyNoLoopDisks } from './loopDisk';

/**
 * `shared`: the machine's own; `own`: one a member, which can be made to fail; `lying`: such a
 * one that ignores every sync, to see that the loss is noticed.
 */
export type DiskKind = 'shared' | 'own' | 'lying';

export interface AbilityQuestion {
  /** The program that members run. */
  readonly command: string;
  readonly partitions?: boolean;
  readonly disks?: DiskKind;
  readonly fakeClock?: boolean;
}

export interface Abilities {
  readonly capabilities: ReadonlySet<Capability>;
  readonly missing: ReadonlyMap<Capability, string>;
}

const hiddenByTcp = 'members are processes behind TCP proxies, which see no packets';

export function processAbilities(question: AbilityQuestion): Abilities {
  const { partitions = canIdentifySockets(), disks = 'shared' } = question;
  const noProxies = partitions ? undefined : 'the system does not tell whose a connection is';
  const noDisk = disks === 'shared' ? 'members share the disk of this machine' : whyNoLoopDisks();
  const reasons: Readonly<Record<Capability, string | undefined>> = {
    ...{ kill: undefined, stop: undefined, pause: undefined },
    ...{ rejoin: undefined, maintenance: undefined },
    ...{ partition: noProxies, reset: noProxies, delay: noProxies, bandwidth: noProxies },
    ...{ loss: hiddenByTcp, duplicate: hiddenByTcp, reorder: hiddenByTcp },
    disk: noDisk,
    slowDisk: noDisk ?? whyNoLimit('blkio'),
    memory: whyNoLimit('memory'),
    cpu: whyNoLimit('cpu'),
    clock: question.fakeClock
      ? whyNoFakeClock(question.command)
      : 'members run with the clock of this machine',
  };
  return abilitiesOf(reasons);
}

/** By the reasons against each: none means that it is there. */
export function abilitiesOf(reasons: Readonly<Record<Capability, string | undefined>>): Abilities {
  const capabilities = new Set<Capability>();
  const missing = new Map<Capability, string>();
  for (const [name, reason] of Object.entries(reasons) as [Capability, string | undefined][]) {
    if (reason === undefined) capabilities.add(name);
    else missing.set(name, reason);
  }
  return { capabilities, missing };
}
