/**
 * Bounded memory: large values are written over each other, and the anonymous memory of every
 * member must neither grow with what was written nor stand above its cap; and the same bytes must
 * cost about the same whether they come as small entries or as large ones.
 */
import {
  budgetBytesDefault,
  budgetBytesMax,
  judgeEntrySize,
  judgeMemory,
  mib,
  type MemorySample,
} from '../../models/memory';
import type { Counterexample, PropertyResult } from '../../reports';
import type { ChaosResult } from '../options';
import { isReference, skipped, type Scenario, type ScenarioContext } from './scenario';
import { Stage } from './stage';

const MIB = 2 ** 20;
const valueBytes = 128 * 1024;
/** What a member of the reference may use at any time, whatever is written. */
export const referenceBytesMax = 256 * MIB;
/** The relation of entry sizes: the same bytes as 4 KiB and as 1 MiB. */
const sizes = { small: 4 * 1024, large: MIB };
/** How much is written. A short run has one member, and noise may leave it undecided. */
const amounts = {
  full: { members: 3, bytes: budgetBytesDefault, bytesMax: budgetBytesMax, eachSize: 128 * MIB },
  short: { members: 1, bytes: 384 * MIB, bytesMax: 768 * MIB, eachSize: 32 * MIB },
} as const;
/** Until caches are full; the judge's own default is for the full amount. */
const shortWarmUpBytes = 96 * MIB;
/** Third-party stores are held to a looser ratio. */
const ratioMax = { reference: 1.5, other: 4 };

const unseen =
  'the memory of the members cannot be seen from here: they are no processes of this machine';

export const memory: Scenario = {
  name: 'memory',
  promise: 'Memory is bounded in bytes: it does not grow with what is written',
  isTimed: false,
  run: async (context) => [await growth(context), await entrySize(context)],
};

/** Members judged one by one, with a verdict for each. */
export function judgeMembers(stage: Stage, budgetBytes: number): readonly PropertyResult[] {
  const warmUp = stage.context.isShort ? { warmUpBytes: shortWarmUpBytes } : {};
  const isOurs = isReference(stage.cluster.description);
  const levelMaxBytes = isOurs ? referenceBytesMax : 1024 * MIB;
  return stage.names.map((name): PropertyResult => {
    const id = `bounded-memory-${name}`;
    const title = `The anonymous memory of ${name} is bounded, whatever is written`;
    const curve = stage.curve(name);
    if (curve.length === 0) return skipped(id, title, unseen);
    const judged = judgeMemory(curve, { budgetBytes, levelMaxBytes, ...warmUp });
    const counts = { 'MiB written': Math.round(stage.writtenBytes / MIB), samples: judged.samples };
    const peak = { 'MiB at most': Math.round(stage.peakBytes(name) / MIB) };
    const base = { id, title, evidence: { counts: { ...counts, ...peak } } };
    if (judged.verdict === 'ok') return { ...base, verdict: 'ok' };
    const broken = judged.verdict === 'fail' ? { counterexample: curveLines(curve) } : {};
    return { ...base, verdict: judged.verdict, reason: judged.because, ...broken };
  });
}

function curveLines(curve: readonly MemorySample[]): Counterexample {
  const step = Math.max(1, Math.floor(curve.length / 12));
  const lines = curve
    .filter((_, i) => i % step === 0 || i === curve.length - 1)
    .map(({ writtenBytes, anonBytes }) => {
      return `${mib(writtenBytes).padStart(9)} written  ${mib(anonBytes).padStart(9)} of memory`;
    });
  return { title: 'memory against what was written', lines };
}

async function growth(context: ScenarioContext): Promise<ChaosResult> {
  const amount = context.isShort ? amounts.short : amounts.full;
  const target = await context.cluster('memory', { memberCount: amount.members });
  return Stage.play(context, 'memory', target, async (stage) => {
    let budget: number = amount.bytes;
    for (;;) {
      while (stage.writtenBytes < budget) {
        context.onProgress(`memory: ${mib(stage.writtenBytes)} of ${mib(budget)} written`);
        await stage.write({
          count: Math.ceil((32 * MIB) / valueBytes),
          ...{ valueBytes, concurrency: 8, compactBytes: 64 * MIB },
        });
      }
      const properties = judgeMembers(stage, budget);
      const isOpen = properties.some(({ verdict }) => verdict === 'unknown');
      // Noise can leave it open; twice the bytes decide what these could not.
      if (!isOpen || budget * 2 > amount.bytesMax) return properties;
      budget *= 2;
    }
  });
}

async function entrySize(context: ScenarioContext): Promise<ChaosResult> {
  const measured: (readonly MemorySample[])[] = [];
  const { eachSize } = context.isShort ? amounts.short : amounts.full;
  let result: ChaosResult | undefined;
  for (const size of ['small', 'large'] as const) {
    const part = `memory-${size}`;
    const target = await context.cluster(part, { memberCount: 1, snapshotCount: 100 });
    result = await Stage.play(context, part, target, async (stage) => {
      context.onProgress(`memory: ${mib(eachSize)} as entries of ${sizes[size]} bytes`);
      await stage.write({
        ...{ count: eachSize / sizes[size], valueBytes: sizes[size] },
        ...{ concurrency: 16, sampleBytes: eachSize / 32, compactBytes: eachSize / 4 },
      });
      measured.push(stage.curve(stage.names[0]!));
      if (size === 'small') return [];
      const isOurs = isReference(stage.cluster.description);
      const id = 'entry-size';
      const title = 'The same bytes cost about the same memory as small and as large entries';
      if (measured.some((curve) => curve.length === 0)) return [skipped(id, title, unseen)];
      const [small, large] = measured;
      const limit = isOurs ? ratioMax.reference : ratioMax.other;
      const { verdict, because } = judgeEntrySize(small!, large!, { ratioMax: limit });
      const evidence = { counts: { 'MiB each': eachSize / MIB } };
      return [{ id, title, verdict, evidence, reason: because }];
    });
  }
  return result!;
}
