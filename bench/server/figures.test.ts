import { figuresOf, median, type Sample } from './figures';
import { FrameReader, frame } from './grpcConnection';
import { readWatchResponse } from './watchLoad';
import { WatchResponse } from '../../src/api';

function sample(operations: number, p50Ms = 1): Sample {
  return { operations, elapsedMs: 1000, p50Ms, p99Ms: 2 * p50Ms, cores: 0.5, memberCores: 1.25 };
}

describe('figures of a bench', () => {
  it('are medians, and one slow round moves neither rate nor ratio', () => {
    const reference = [sample(100), sample(10, 50), sample(120)];
    const etcd = [sample(200), sample(20, 50), sample(200)];
    expect(figuresOf('put', 'reference', reference, etcd)).toEqual({
      case: 'put',
      target: 'reference',
      opsPerSecond: 100,
      p50Ms: 1,
      p99Ms: 2,
      ratio: 0.5,
      rounds: 3,
      memberCores: 1.25,
      memberCpuMicros: 12500,
      loadCores: 0.5,
    });
  });

  it('have no ratio without something to compare with', () => {
    expect(figuresOf('put', 'etcd', [sample(1)], undefined)).not.toHaveProperty('ratio');
  });

  it('need at least one round', () => {
    expect(() => median([])).toThrow('the median of nothing');
    expect(median([4, 1])).toBe(2.5);
  });
});

describe('what the load generator reads', () => {
  it('is cut into the messages that were sent, wherever the bytes are torn', () => {
    const sent = [Buffer.from('one'), Buffer.alloc(0), Buffer.alloc(300, 'x')];
    const bytes = Buffer.concat(sent.map(frame));
    for (let torn = 0; torn <= bytes.length; torn++) {
      const reader = new FrameReader();
      const seen: Buffer[] = [];
      for (const part of [bytes.subarray(0, torn), bytes.subarray(torn)]) {
        reader.push(part, (message) => seen.push(message));
      }
      expect(seen).toEqual(sent);
    }
  });

  it('tells created watches from events, and the number in each', () => {
    const value = (number: number): Buffer => {
      const bytes = Buffer.alloc(8);
      bytes.writeDoubleLE(number);
      return bytes;
    };
    const events = [7, 2 ** 40].map((number) => ({
      type: 0,
      kv: { key: Buffer.from('k'), modRevision: 300n, version: 2n, value: value(number) },
    }));
    const seen: unknown[] = [];
    for (const message of [{ created: true, watchId: 3n }, { events }]) {
      const header = { clusterId: 2n ** 63n, revision: 5n };
      const bytes = WatchResponse.encode(WatchResponse.fromPartial({ header, ...message }));
      readWatchResponse(Buffer.from(bytes.finish()), {
        created: () => seen.push('created'),
        event: (number) => seen.push(number),
      });
    }
    expect(seen).toEqual(['created', 7, 2 ** 40]);
  });
});
