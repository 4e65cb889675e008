import fc from 'fast-check';

import type { OperationRequest } from '../../src/client';
import type { RecordedCompletion, TxnInput, TxnOperation } from '../../src/history';
import { modelNamed } from '../../models';
import { Random } from '../random';
import { workloads, type Workload } from '.';

const clientCount = 4;
const operationsEach = 60;

/** Leases and locks are granted, so that there is more to ask; the rest is refused. */
function answerTo({ f }: OperationRequest): RecordedCompletion {
  const granted = /^(?:leaseGrant|acquire|guarded)$/.test(f);
  if (granted) return { type: 'ok', value: { lease: '7', fence: 2, ttlSeconds: 2 } };
  return { type: 'fail', error: 'not asked' };
}

/** What the clients ask. */
function requestsOf(workload: Workload, seed: string): readonly OperationRequest[] {
  const requests: OperationRequest[] = [];
  for (let client = 0; client < clientCount; client += 1) {
    const random = new Random(seed).stream(`client ${client}`);
    const generator = workload.generator({ random, client, clientCount });
    for (let i = 0; i < operationsEach; i += 1) {
      const request = generator.next();
      requests.push(request);
      generator.observe(request, answerTo(request));
    }
  }
  return requests;
}

function txnWrites({ success, failure }: TxnInput): readonly (readonly TxnOperation[])[] {
  return [success, failure].map((branch) => branch.filter(({ f }) => f !== 'range'));
}

/** Every value that a request would write. */
function writtenValues({ f, value }: OperationRequest): readonly unknown[] {
  if (f === 'write') return [value];
  if (f === 'cas') return [(value as readonly unknown[])[1]];
  if (f === 'append') return [value];
  if (f === 'guarded') return [(value as { value: string }).value];
  if (f === 'put') return [typeof value === 'object' ? (value as { value: string }).value : value];
  if (f !== 'txn') return [];
  return txnWrites(value as TxnInput).flatMap((branch) =>
    branch.flatMap((operation) => (operation.f === 'put' ? [operation.value.value] : [])),
  );
}

describe.each(Object.entries(workloads))('the workload %s', (name, make) => {
  const workload = make();

  it('has the name it is found by and models that exist', () => {
    expect(workload.name).toBe(name);
    const models = [workload.model, workload.revisionModel].filter((one) => one !== undefined);
    expect(models.length > 0 || workload.rules !== undefined).toBe(true);
    for (const model of models) expect(modelNamed(model)?.name).toBe(model);
  });

  it('writes each value once in a run', () => {
    fc.assert(
      fc.property(fc.string(), (seed) => {
        const values = requestsOf(workload, seed).flatMap(writtenValues);
        expect(new Set(values).size).toBe(values.length);
      }),
      { numRuns: 30 },
    );
  });

  it('asks the same for the same seed, and something else for another', () => {
    expect(requestsOf(workload, 'a')).toEqual(requestsOf(workload, 'a'));
    expect(requestsOf(workload, 'a')).not.toEqual(requestsOf(workload, 'b'));
  });

  it('both reads and writes', () => {
    const requests = requestsOf(workload, 'a');
    expect(requests.some(({ f }) => ['read', 'get', 'range'].includes(f))).toBe(true);
    expect(requests.flatMap(writtenValues).length).toBeGreaterThan(clientCount);
  });

  it('reads every key in the end', () => {
    const reads = workload.finalReads();
    const covered = workload.keys.filter((key) =>
      reads.some((read) => {
        const { end } = (read.value ?? {}) as { end?: string };
        return end === undefined ? read.key === key : read.key! <= key && key < end;
      }),
    );
    expect(covered).toEqual(workload.keys);
  });
});

describe('the transactions of the workload txn', () => {
  it('never write a key twice, which etcd would refuse', () => {
    fc.assert(
      fc.property(fc.string(), (seed) => {
        for (const { f, value } of requestsOf(workloads['txn']!(), seed)) {
          if (f !== 'txn') continue;
          for (const writes of txnWrites(value as TxnInput)) {
            expect(new Set(writes.map(({ key }) => key)).size).toBe(writes.length);
          }
        }
      }),
      { numRuns: 30 },
    );
  });
});

describe('the compare-and-set of the workload register', () => {
  it('compares with what its client saw last on the key', () => {
    const random = new Random('s');
    const generator = workloads['register']!().generator({ random, client: 0, clientCount: 1 });
    const seen = new Map<string, unknown>();
    for (let i = 0; i < 200; i += 1) {
      const request = generator.next();
      const { f, key, value } = request;
      if (f === 'cas') {
        expect((value as readonly unknown[])[0]).toBe(seen.get(key!) ?? null);
        generator.observe(request, { type: 'fail' });
      } else {
        const now = f === 'read' ? 1_000_000 + i : value;
        seen.set(key!, now);
        generator.observe(request, { type: 'ok', value: now });
      }
    }
  });
});
