/** Bounded memory: the criterion and what it rests on. */
export {
  budgetBytesDefault,
  budgetBytesMax,
  judgeEntrySize,
  judgeMemory,
  memoryDefaults,
  mib,
  sampleEveryBytes,
} from './boundedMemory';
export type {
  EntrySizeCriterion,
  EntrySizeJudgement,
  MemoryCriterion,
  MemoryJudgement,
  MemorySample,
} from './boundedMemory';
export { estimateSlope, median, quantile, theilSen } from './robustSlope';
export type { Point, SlopeEstimate, SlopeOptions } from './robustSlope';
