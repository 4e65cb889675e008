/**
 * The workload this suite comes from: an API gateway writes the statistics of 1000 pipelines every
 * few seconds, once merged into one key, once split into transactions of 20 and of 128 puts.
 *
 * A store that keeps its log in memory by number of entries needs memory by the bytes of an entry:
 * what is predicted from that stands beside what is measured. And each key must read back its own
 * value: the first version that split them gave all keys of a transaction the value of one.
 */
import { budgetBytesDefault, judgeMemory, mib } from '../../models/memory';
import type { PropertyResult } from '../../reports';
import type { ChaosResult } from '../options';
import { referenceBytesMax } from './memory';
import { isReference, skipped, type Scenario, type ScenarioContext } from './scenario';
import { Stage } from './stage';

const MIB = 2 ** 20;
const pipelines = 1_000;
const statusBytes = 1_536;
const tickBytes = pipelines * statusBytes;
/** As Easegress sets it, to save memory. */
const snapshotCount = 5_000;
const ticksBetweenCompactions = 60;
/** Measured: bytes of memory per byte in the window, with Go's default collector. */
const memoryPerByte = 1.85;
const baseBytes = 22 * MIB;
/** What the reference promises to keep of its log in memory, and what Node needs to begin with. */
const referenceModel = { logBytes: 64 * MIB, baseBytes: 110 * MIB };

interface Variant {
  readonly name: string;
  /** Keys in one transaction; all pipelines in one key when merged. */
  readonly keysPerTxn: number | 'merged';
}

const variants: readonly Variant[] = [
  { name: 'easegress-merged', keysPerTxn: 'merged' },
  { name: 'easegress-split-20', keysPerTxn: 20 },
  { name: 'easegress-split-128', keysPerTxn: 128 },
];

export const easegress: Scenario = {
  name: 'easegress',
  promise:
    'Statistics of 1000 pipelines, merged or split, need bounded memory, and each key has its own',
  isTimed: false,
  run: async (context) => {
    const results: ChaosResult[] = [];
    for (const variant of variants) {
      if (context.signal.aborted && results.length > 0) break;
      results.push(await playVariant(context, variant));
    }
    return results;
  },
};

function key(pipeline: number): string {
  return `/status/objects/pipeline-${pipeline}/member-1`;
}

/** The status of one pipeline: its number and the tick, then bytes that cannot be made smaller. */
function statusOf(stage: Stage, pipeline: number, tick: number): Buffer {
  const value = stage.value(statusBytes);
  value.write(`${pipeline}@${tick};`.padEnd(24), 0);
  return value;
}

async function tickMerged(stage: Stage, tick: number): Promise<void> {
  const all = Array.from({ length: pipelines }, (_, i) => statusOf(stage, i, tick));
  const value = Buffer.concat(all);
  await stage.request({ process: 0, f: 'put', key: '/status/objects' }, value.length, (endpoint) =>
    stage.client.put({ key: '/status/objects', value }, { endpoint }),
  );
}

async function tickSplit(stage: Stage, tick: number, size: number): Promise<void> {
  for (let first = 0; first < pipelines; first += size) {
    const count = Math.min(size, pipelines - first);
    const success = Array.from({ length: count }, (_, i) => {
      const value = statusOf(stage, first + i, tick);
      return { op: 'put' as const, key: key(first + i), value };
    });
    await stage.request({ process: 0, f: 'txn' }, count * statusBytes, (endpoint) =>
      stage.client.txn({ success }, { endpoint }),
    );
  }
}

function playVariant(context: ScenarioContext, variant: Variant): Promise<ChaosResult> {
  const { name, keysPerTxn } = variant;
  const ticks = Math.ceil(budgetBytesDefault / tickBytes);
  const play = async (stage: Stage): Promise<readonly PropertyResult[]> => {
    for (let tick = 1; tick <= ticks; tick += 1) {
      if (keysPerTxn === 'merged') await tickMerged(stage, tick);
      else await tickSplit(stage, tick, keysPerTxn);
      stage.writtenBytes += tickBytes;
      if (tick % 12 === 0) {
        stage.sample();
        context.onProgress(`${name}: tick ${tick} of ${ticks}`);
      }
      if (tick % ticksBetweenCompactions === 0) await stage.compact();
    }
    return [memoryOf(stage, variant, ticks), await readBack(stage, variant, ticks)];
  };
  return context
    .cluster(name, { memberCount: 1, snapshotCount })
    .then((target) => Stage.play(context, name, target, play));
}

/** What a window of entries comes to, or what the reference promises. */
function predictedBytes(stage: Stage, { keysPerTxn }: Variant, ticks: number): number {
  if (isReference(stage.cluster.description)) {
    return referenceModel.baseBytes + referenceModel.logBytes;
  }
  const perTick = keysPerTxn === 'merged' ? 1 : Math.ceil(pipelines / keysPerTxn);
  const entries = ticks * perTick;
  // After each snapshot the window is back at 5000 entries, and grows until the next.
  const window = Math.min(entries, 5_000 + snapshotCount);
  return baseBytes + memoryPerByte * window * (tickBytes / perTick);
}

function memoryOf(stage: Stage, variant: Variant, ticks: number): PropertyResult {
  const [member] = stage.names;
  const curve = stage.curve(member!);
  const id = 'memory';
  const title = `${describe(variant)}: memory is bounded`;
  if (curve.length === 0) return skipped(id, title, 'the memory of the member cannot be seen');
  const isOurs = isReference(stage.cluster.description);
  const levelMaxBytes = isOurs ? referenceBytesMax : 1024 * MIB;
  const judged = judgeMemory(curve, { levelMaxBytes });
  const predicted = predictedBytes(stage, variant, ticks);
  const peak = stage.peakBytes(member!);
  const counts = {
    'MiB written': Math.round(stage.writtenBytes / MIB),
    'MiB predicted': Math.round(predicted / MIB),
    'MiB measured': Math.round(peak / MIB),
  };
  const base = { id, title, evidence: { counts } };
  if (judged.verdict === 'ok') return { ...base, verdict: 'ok' };
  const reason = `${judged.because}; predicted at most ${mib(predicted)}, measured ${mib(peak)}`;
  return { ...base, verdict: judged.verdict, reason };
}

async function readBack(stage: Stage, variant: Variant, ticks: number): Promise<PropertyResult> {
  const title = `${describe(variant)}: each key reads back its own value`;
  const base = { id: 'own-value', title, evidence: { counts: { pipelines } } };
  const wrong: string[] = [];
  const check = (value: Buffer | undefined, pipeline: number): void => {
    const wanted = `${pipeline}@${ticks};`;
    const got = value?.subarray(0, 24).toString('latin1').trim() ?? 'nothing';
    if (got !== wanted || value?.length !== statusBytes) {
      wrong.push(`pipeline ${pipeline}: ${got} instead of ${wanted}`);
    }
  };
  if (variant.keysPerTxn === 'merged') {
    const read = await stage.client.range({ key: '/status/objects' });
    const value = read.type === 'ok' ? read.value.kvs[0]?.value : undefined;
    for (let i = 0; i < pipelines; i += 1) {
      check(value?.subarray(i * statusBytes, (i + 1) * statusBytes), i);
    }
  } else {
    for (let i = 0; i < pipelines; i += 1) {
      const read = await stage.client.range({ key: key(i) });
      check(read.type === 'ok' ? read.value.kvs[0]?.value : undefined, i);
    }
  }
  if (wrong.length === 0) return { ...base, verdict: 'ok' };
  const reason = `${wrong.length} of ${pipelines} pipelines read back something else`;
  return {
    ...base,
    ...{ verdict: 'fail', reason },
    counterexample: { title: reason, lines: wrong.slice(0, 20) },
  };
}

function describe({ keysPerTxn }: Variant): string {
  return keysPerTxn === 'merged'
    ? 'Statistics merged into one key'
    : `Statistics split, ${keysPerTxn} keys a transaction`;
}
