/**
 * Transactions over several keys, with revisions: etcd's own requests.
 *
 * Half of the transactions are guarded by what the client saw last (mod revision, version or
 * value), read before and after they write, and touch several keys at once; around them are
 * plain puts, deletes of keys and of ranges, and reads of one key, of all keys, of the past, and
 * serializable ones, which a member answers by itself.
 */
import type { OperationRequest } from '../../src/client';
import type {
  Compare,
  EtcdKeyValue,
  RangeInput,
  RangeOutput,
  RecordedCompletion,
  TxnInput,
  TxnOperation,
} from '../../src/history';
import type { Random } from '../random';
import { numberedKeys, type Generator, type GeneratorOptions, type Workload } from './workload';

export interface TxnWorkloadOptions {
  /** Default 6. */
  readonly keyCount?: number;
  /**
   * Whether clients also compact and read the past inside transactions. Default false: etcd up
   * to 3.6 applies a transaction that reads a compacted revision differently on its members.
   */
  readonly compaction?: boolean;
}

/** The end of the range of all keys of this workload: they all begin with `k`. */
const rangeEnd = 'l';
/** How many revisions back a read of the past goes at most. */
const pastMax = 20;
/** Operations inside one transaction. */
const txnOperationsMax = 4;

class TxnGenerator implements Generator {
  private readonly random: Random;
  private readonly seen = new Map<string, EtcdKeyValue | undefined>();
  private revision = 1;
  private written = 0;

  constructor(
    private readonly keys: readonly string[],
    private readonly options: GeneratorOptions,
    private readonly compacts: boolean,
  ) {
    this.random = options.random;
  }

  next(): OperationRequest {
    const { random } = this;
    const key = random.pick(this.keys);
    const f = random.weighted([
      [25, 'range'],
      [10, 'all'],
      [5, 'stale'],
      [5, 'past'],
      [20, 'put'],
      [5, 'delete'],
      [2, 'deleteRange'],
      [30, 'txn'],
      [this.compacts ? 3 : 0, 'compact'],
    ] as const);
    switch (f) {
      case 'range':
        return { f, key, value: {} };
      case 'all':
        return { f: 'range', key: 'k', value: this.wholeRange() };
      case 'stale':
        return { f: 'range', key: 'k', value: { end: rangeEnd, serializable: true } };
      case 'past':
        return { f: 'range', key, value: { revision: this.pastRevision() } };
      case 'put':
        return { f, key, value: { value: this.unique() } };
      case 'delete':
        return { f, key, value: {} };
      case 'deleteRange':
        return { f: 'delete', key, value: { end: this.endAfter(key) } };
      case 'txn':
        return { f, value: this.txn() };
      case 'compact':
        return { f, value: { revision: this.pastRevision() } };
    }
  }

  observe({ f, key, value }: OperationRequest, completion: RecordedCompletion): void {
    if (completion.type !== 'ok') return;
    this.revision = Math.max(this.revision, completion.rev ?? 0);
    const { revision = 0, serializable = false } = (value ?? {}) as RangeInput;
    const isPast = f === 'range' && (revision > 0 || serializable);
    if (f !== 'range' || isPast || key === undefined) return;
    const { kvs } = completion.value as RangeOutput;
    if ((value as RangeInput).end === undefined) this.seen.set(key, kvs[0]);
    else for (const one of kvs) this.seen.set(one.key, one);
  }

  private txn(): TxnInput {
    const { random } = this;
    const keys = random.shuffled(this.keys);
    const guarded = random.chance(0.6);
    const compare = guarded ? keys.slice(0, 1 + random.integer(2)).map((k) => this.compare(k)) : [];
    const success = this.operations(keys, true);
    return { compare, success, failure: guarded ? this.operations(keys, false) : [] };
  }

  private compare(key: string): Compare {
    const { random } = this;
    const known = this.seen.get(key);
    const target = random.pick(['mod', 'version', 'value', 'create'] as const);
    const result = random.weighted([
      [6, 'equal'],
      [1, 'notEqual'],
      [1, 'less'],
      [1, 'greater'],
    ] as const);
    // A key that was missing has all numbers zero; its value cannot be compared with anything.
    if (target === 'value' && known) return { key, target, result, value: known.value };
    const number = target === 'value' ? 'version' : target;
    return { key, target: number, result, value: known?.[number] ?? 0 };
  }

  /** Distinct keys in puts and deletes: etcd refuses a transaction that writes a key twice. */
  private operations(keys: readonly string[], canWrite: boolean): readonly TxnOperation[] {
    const { random } = this;
    const count = 1 + random.integer(txnOperationsMax);
    return keys.slice(0, count).map((key): TxnOperation => {
      const f = random.weighted([
        [4, 'range'],
        [canWrite ? 4 : 1, 'put'],
        [canWrite ? 1 : 0, 'delete'],
      ] as const);
      if (f === 'put') return { f, key, value: { value: this.unique() } };
      if (f === 'delete') return { f, key, value: {} };
      const isPast = this.compacts && random.chance(0.2);
      return { f, key, value: isPast ? { revision: this.pastRevision() } : {} };
    });
  }

  private wholeRange(): RangeInput {
    const { random } = this;
    if (random.chance(0.1)) return { end: rangeEnd, countOnly: true };
    if (random.chance(0.1)) return { end: rangeEnd, keysOnly: true };
    return random.chance(0.2) ? { end: rangeEnd, limit: 2 } : { end: rangeEnd };
  }

  private endAfter(key: string): string {
    return this.keys[this.keys.indexOf(key) + 2] ?? rangeEnd;
  }

  private pastRevision(): number {
    return Math.max(1, this.revision - this.random.integer(pastMax));
  }

  private unique(): string {
    return `${this.options.client}.${this.written++}`;
  }
}

export function txnWorkload(options: TxnWorkloadOptions = {}): Workload {
  const keys = numberedKeys(options.keyCount ?? 6);
  const compaction = options.compaction ?? false;
  return {
    name: compaction ? 'compaction' : 'txn',
    promise: compaction
      ? 'Transactions and reads of the past stay right while old revisions are compacted'
      : 'Transactions over several keys happen as a whole or not at all, at one revision, in order',
    vocabulary: 'etcd',
    keys,
    revisionModel: 'etcd',
    compacts: compaction,
    generator: (generatorOptions) => new TxnGenerator(keys, generatorOptions, compaction),
    finalReads: () => [{ f: 'range', key: 'k', value: { end: rangeEnd } }],
  };
}
