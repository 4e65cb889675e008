import { parseShard, shardOf } from './chaos';

describe('a shard of the scenarios', () => {
  const all = ['a', 'b', 'c', 'd', 'e'];

  it('is every n-th, and all shards together are everything, once', () => {
    expect(shardOf(all, parseShard('2/2'))).toEqual(['b', 'd']);
    const parts = ['1/3', '2/3', '3/3'].flatMap((text) => shardOf(all, parseShard(text)));
    expect(parts.sort()).toEqual(all);
    expect(shardOf(all, undefined)).toEqual(all);
  });

  it('is refused when there is no such part', () => {
    for (const text of ['0/2', '3/2', 'x', '1', '1/0']) {
      expect(() => parseShard(text)).toThrow(/like 1\/4/);
    }
  });
});
