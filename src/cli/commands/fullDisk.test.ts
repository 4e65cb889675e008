/**
 * A real member whose disk takes no more: the limit of the system on the size of files fails its
 * writes with EFBIG where a full disk fails them with ENOSPC and a dying one with EIO.
 */
import { untilOk } from '../../server/testing/memberCluster';
import { EXIT } from '../exitCodes';
import { ServedMember } from './testing/servedMember';

const MIB = 1024 * 1024;
const PUTS_MAX = 150;

let member: ServedMember;
beforeEach(async () => {
  member = await ServedMember.make();
});
afterEach(() => member.close());

/** Puts new keys until one is not acknowledged; how many were. */
async function fill(): Promise<number> {
  const value = Buffer.alloc(MIB);
  await untilOk(() => member.client.put({ key: '0', value }));
  for (let count = 1; count < PUTS_MAX; count++) {
    value.fill(count);
    const outcome = await member.client.put({ key: `${count}`, value });
    if (outcome.type !== 'ok') return count;
  }
  return PUTS_MAX;
}

async function expectAll(count: number): Promise<void> {
  for (let i = 0; i < count; i++) {
    const { value } = await untilOk(() => member.client.range({ key: `${i}` }));
    expect(value.kvs).toHaveLength(1);
    expect(Buffer.alloc(MIB, i).equals(value.kvs[0]!.value)).toBe(true);
  }
}

describe('a member whose disk takes no more', () => {
  it.each([
    // Segments of the log are closed at 64 MiB, so a file that may have more is the state's.
    ['of the log', 4 * MIB, /"error":"[^"]*wal[^"]*EFBIG/],
    ['of the state', 80 * MIB, /"error":"writing the state to [^"]*bytes are free on its disk/],
  ])(
    '%s ends, and has all that it acknowledged when there is room again',
    async (_, bytes, text) => {
      member.start({ fileBytesMax: bytes });
      const acknowledged = await fill();
      expect(acknowledged).toBeGreaterThan(1);
      expect(acknowledged).toBeLessThan(PUTS_MAX);
      expect(await member.ended).toBe(EXIT.violated);
      expect(member.output).toMatch(text);
      member.start();
      await expectAll(acknowledged);
      await untilOk(() => member.client.put({ key: 'more', value: '' }));
    },
    60_000,
  );
});
