/**
 * Memory of a real member after a load (promise M11): what a load took is given back or used again
 * by the next one, so a long load leaves no more behind than a short one.
 */
import { untilOk } from '../../server/testing/memberCluster';
import { ServedMember } from './testing/servedMember';

const MIB = 1024 * 1024;
const WIDTH = 8;
/** Of what the short load left. */
const GROWTH_MAX = 1.25;

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

describe('the memory of a member', () => {
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
