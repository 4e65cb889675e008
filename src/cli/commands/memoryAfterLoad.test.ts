/**
 * Memory of a real member after a load (promise M11): what a load took is used again by the next
 * one, so a long load leaves no more behind than a short one, and when it is quiet the member goes
 * back to what it was before. How far the last depends on the allocator, which keeps pieces of
 * freed memory unless it is told not to (docs/memory.md).
 */
import { MEMORY_ENVIRONMENT } from '../../runtime/memoryEnvironment';
import { setTimeout as pass } from 'node:timers/promises';
import { untilOk } from '../../server/testing/memberCluster';
import { ServedMember } from './testing/servedMember';

const MIB = 1024 * 1024;
const WIDTH = 8;
/** Of what the short load left; garbage comes and goes. What stayed in memory would double it. */
const GROWTH_MAX = 1.4;
/** Of the idle member. */
const RELEASED_MAX = 1.25;
/** As M11 has it. */
const RELEASE_MS = 60_000;

/** Overwrites one key with so many values of 1 MiB. */
async function load(member: ServedMember, values: number): Promise<void> {
  let next = 0;
  const put = async (): Promise<void> => {
    while (next < values) {
      const value = Buffer.alloc(MIB, next++);
      await untilOk(() => member.client.put({ key: 'status', value }));
    }
  };
  await Promise.all(Array.from({ length: WIDTH }, put));
}

async function growth(...flags: readonly string[]): Promise<number> {
  const member = await ServedMember.make(...flags);
  try {
    member.start();
    await load(member, 60);
    const before = member.anonymousBytes();
    await load(member, 90);
    return member.anonymousBytes() / before;
  } finally {
    await member.close();
  }
}

/** The memory after a load and a quiet time, as a multiple of what it was before the load. */
async function released(member: ServedMember): Promise<number> {
  await untilOk(() => member.client.put({ key: 'first', value: '' }));
  const before = member.anonymousBytes();
  await load(member, 80);
  const deadline = performance.now() + RELEASE_MS;
  for (;;) {
    const found = member.anonymousBytes() / before;
    if (Number.isNaN(found) || found <= RELEASED_MAX || performance.now() > deadline) return found;
    await pass(200);
  }
}

describe('the memory of a member', () => {
  it('goes back to what it was when the load is over', async () => {
    const member = await ServedMember.make();
    try {
      member.start({ environment: MEMORY_ENVIRONMENT });
      const found = await released(member);
      if (Number.isNaN(found)) console.warn('skipped: the system does not tell anonymous memory');
      else expect(found).toBeLessThanOrEqual(RELEASED_MAX);
    } finally {
      await member.close();
    }
  }, 120_000);

  it('is no more after a long load than after a short one', async () => {
    const found = await growth();
    if (Number.isNaN(found)) console.warn('skipped: the system does not tell anonymous memory');
    else expect(found).toBeLessThan(GROWTH_MAX);
  }, 60_000);

  it('would be, if what was written stayed in memory', async () => {
    const found = await growth('--backend', 'memory');
    if (Number.isNaN(found)) console.warn('skipped: the system does not tell anonymous memory');
    else expect(found).toBeGreaterThan(GROWTH_MAX);
  }, 60_000);
});
