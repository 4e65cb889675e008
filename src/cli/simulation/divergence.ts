/** Where two runs of one plan part: the first event that is not the same in both. */
import { describeRecord, simulate } from '../../simulator';
import type { Plan, TraceRecord } from '../../simulator';

/** More than any run that ends by itself has. */
const RECORDS_MAX = 1 << 20;

/** Runs the plan twice more and says in words where the two part. */
export function divergenceOf(plan: Plan): string {
  const first = simulate(plan, { recordsMax: RECORDS_MAX });
  const second = simulate(plan, { recordsMax: RECORDS_MAX });
  const where = firstDifference(first.records(), second.records());
  if (where !== undefined) return where;
  const same = first.hash === second.hash;
  return same
    ? `two more runs were the same (${first.hash}): what differed depends on what ran before`
    : `events that are only counted differ: ${first.hash}, then ${second.hash}`;
}

/** Undefined when all records are the same. */
export function firstDifference(
  left: readonly TraceRecord[],
  right: readonly TraceRecord[],
): string | undefined {
  const count = Math.max(left.length, right.length);
  for (let i = 0; i < count; i++) {
    const a = describe(left[i]);
    const b = describe(right[i]);
    if (a !== b) return `record ${i + 1} is '${a}' in one run and '${b}' in the other`;
  }
  return undefined;
}

function describe(record: TraceRecord | undefined): string {
  if (record === undefined) return 'the end';
  const { timeUs, event, kind, member, a, b, c, d, e, f, g } = record;
  const numbers = [a, b, c, d, e, f, g].join(' ');
  const text = describeRecord(record) ?? `kind ${kind} at n${member}`;
  return `${timeUs} us, event ${event}: ${text} (${numbers})`;
}
