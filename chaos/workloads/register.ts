/**
 * Registers: read, write and compare-and-set on a few keys.
 *
 * Few keys make operations meet. Every value is written once in a run, so a read names the write
 * it saw. A cas compares with what its client saw last on that key, so that it matches sometimes
 * and fails sometimes; both tell something.
 */
import type { OperationRequest } from '../../src/client';
import type { RecordedCompletion } from '../../src/history';
import { numberedKeys, type Generator, type GeneratorOptions, type Workload } from './workload';

export interface RegisterWorkloadOptions {
  /** Default 5. */
  readonly keyCount?: number;
}

class RegisterGenerator implements Generator {
  private readonly seen = new Map<string, unknown>();
  private written = 0;

  constructor(
    private readonly keys: readonly string[],
    private readonly options: GeneratorOptions,
  ) {}

  next(): OperationRequest {
    const { random } = this.options;
    const key = random.pick(this.keys);
    const f = random.weighted([
      [5, 'read'],
      [3, 'write'],
      [2, 'cas'],
    ] as const);
    if (f === 'read') return { f, key };
    if (f === 'write') return { f, key, value: this.unique() };
    return { f, key, value: [this.seen.get(key) ?? null, this.unique()] };
  }

  observe({ f, key, value }: OperationRequest, completion: RecordedCompletion): void {
    if (key === undefined || completion.type !== 'ok') return;
    if (f === 'read') this.seen.set(key, completion.value);
    else if (f === 'write') this.seen.set(key, value);
    else if (Array.isArray(value)) this.seen.set(key, value[1]);
  }

  private unique(): number {
    const { client, clientCount } = this.options;
    return this.written++ * clientCount + client;
  }
}

export function registerWorkload(options: RegisterWorkloadOptions = {}): Workload {
  const keys = numberedKeys(options.keyCount ?? 5);
  return {
    name: 'register',
    promise:
      'Reads, writes and compare-and-set of single keys take effect one at a time, ' +
      'in real-time order',
    vocabulary: 'register',
    keys,
    model: 'register',
    revisionModel: 'etcd-register',
    generator: (generatorOptions) => new RegisterGenerator(keys, generatorOptions),
    finalReads: () => keys.map((key) => ({ f: 'read', key })),
  };
}
