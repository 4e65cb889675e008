import { prng, Streams } from './prng';

describe('a random stream', () => {
  it('is the same for the same seed and label', () => {
    const first = prng('seed', 'network');
    const second = prng('seed', 'network');
    for (let i = 0; i < 1000; i++) expect(second.uint32()).toBe(first.uint32());
  });

  it('differs between labels and between seeds', () => {
    const draws = (seed: string, label: string) => {
      const stream = prng(seed, label);
      return Array.from({ length: 8 }, () => stream.uint32()).join();
    };
    const all = [draws('a', 'network'), draws('a', 'disk'), draws('b', 'network')];
    expect(new Set(all).size).toBe(3);
  });

  it('is close to uniform over a range', () => {
    const stream = prng('uniform', 'test');
    const counts = new Array<number>(10).fill(0);
    for (let i = 0; i < 100_000; i++) counts[stream.below(10)]!++;
    for (const count of counts) expect(Math.abs(count - 10_000)).toBeLessThan(500);
  });

  it('keeps integers inside their bounds', () => {
    const stream = prng('bounds', 'test');
    const seen = new Set<number>();
    for (let i = 0; i < 1000; i++) seen.add(stream.between(3, 5));
    expect([...seen].sort()).toEqual([3, 4, 5]);
  });

  it('never and always are exact', () => {
    const stream = prng('chance', 'test');
    for (let i = 0; i < 100; i++) {
      expect(stream.chance(0)).toBe(false);
      expect(stream.chance(1)).toBe(true);
    }
  });

  it('refuses to pick from nothing', () => {
    expect(() => prng('x', 'y').pick([])).toThrow('at least one value');
  });
});

describe('the streams of a run', () => {
  it('go on as another seed begins, all of them, from the moment it takes over', () => {
    const streams = new Streams('one');
    const network = streams.get('network');
    expect(streams.get('network')).toBe(network);
    expect(network.uint32()).toBe(prng('one', 'network').uint32());
    streams.reseed('two');
    expect(network.uint32()).toBe(prng('two', 'network').uint32());
    expect(streams.get('disk').uint32()).toBe(prng('two', 'disk').uint32());
  });
});
