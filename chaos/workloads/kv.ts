/**
 * A map: put, get, delete and append on a few keys.
 *
 * Appended pieces are unique, so a value tells the whole story of its key: a piece that is lost,
 * doubled or out of place shows in the text itself. Puts and deletes keep the texts short.
 */
import type { OperationRequest } from '../../src/client';
import { numberedKeys, type Generator, type GeneratorOptions, type Workload } from './workload';

export interface KvWorkloadOptions {
  /** Default 5. */
  readonly keyCount?: number;
}

function kvGenerator(keys: readonly string[], options: GeneratorOptions): Generator {
  const { random, client } = options;
  let written = 0;
  const unique = (): string => `${client}.${written++} `;
  return {
    next(): OperationRequest {
      const key = random.pick(keys);
      const f = random.weighted([
        [10, 'get'],
        [6, 'append'],
        [3, 'put'],
        [2, 'delete'],
      ] as const);
      return f === 'get' || f === 'delete' ? { f, key } : { f, key, value: unique() };
    },
    observe: () => undefined,
  };
}

export function kvWorkload(options: KvWorkloadOptions = {}): Workload {
  const keys = numberedKeys(options.keyCount ?? 5);
  return {
    name: 'kv',
    promise: 'Puts, appends, deletes and gets of single keys take effect one at a time, in order',
    vocabulary: 'kv',
    keys,
    model: 'kv',
    generator: (generatorOptions) => kvGenerator(keys, generatorOptions),
    finalReads: () => keys.map((key) => ({ f: 'get', key })),
  };
}
