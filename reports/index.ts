/** Reports: a run and its verdicts in, documents out. */

export { readRun, writeReports, documentNames } from './writeReports';
export type { DocumentName, WriteReportsOptions } from './writeReports';
export { renderTerminal } from './terminal';
export type { TerminalOptions } from './terminal';
export { createRunDirectory, latestRun, listRuns, RunDirectoryError } from './runs';
export type { RunSummary } from './runs';
export { evidencePhrases, formatSeconds, groupDigits, headline, overallVerdict } from './runReport';
export type {
  ContradictingOperation,
  Contradiction,
  Counterexample,
  Evidence,
  FaultKind,
  NamedHistory,
  PropertyResult,
  RunReport,
  Series,
  TargetReport,
  Verdict,
} from './runReport';

// For the other layers of this package.
export { countRacing, faultWindows } from './faultWindows';
export type { FaultWindow } from './faultWindows';
export { contradictionLines, contradictionOf } from './contradictions';
export { describeCompletion, describeInvocation } from './describe';
export { packageDirectory } from './packageDirectory';
export { mergeRuns } from './mergeRuns';
