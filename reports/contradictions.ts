/**
 * What the judge found contradictory, as plain data for reports and as lines of text.
 *
 * The lines are those of `crucible check`: the sentence, the operations with a mark each, and the
 * order that would be possible without the one that cannot be placed.
 */
import type { Counterexample as Found } from '../models';
import type { Operation } from '../src/history';
import type { ContradictingOperation, Contradiction } from './runReport';

const stepsShownMax = 8;

export const marks = { culprit: '!', core: '-', context: '·' } as const;

/** `secondsOf`: how the clock of the history is shown. Default: nanoseconds since it began. */
export function contradictionOf(
  found: Found,
  describe: (operation: Operation) => string,
  secondsOf: (time: number) => number = (time) => time / 1e9,
): Contradiction {
  const { key, message, isMinimal, operations, context, culprit, orders } = found;
  const roleOf = (operation: Operation): ContradictingOperation['role'] => {
    if (operation === culprit) return 'culprit';
    return operations.includes(operation) ? 'core' : 'context';
  };
  return {
    ...(key === undefined || key === '' ? {} : { key }),
    ...{ message, isMinimal },
    operations: [...operations, ...context]
      .sort((a, b) => a.call - b.call)
      .map((operation) => ({
        ...{ id: operation.id, role: roleOf(operation), text: describe(operation) },
        process: operation.process,
        ...(operation.member === undefined ? {} : { member: operation.member }),
        call: secondsOf(operation.call),
        // JSON has no Infinity.
        end: operation.return === Infinity ? null : secondsOf(operation.return),
      })),
    order: (orders[0]?.steps ?? []).map(({ operation, state }) => ({
      text: describe(operation),
      state,
    })),
  };
}

/** What is claimed of the operations that are listed. */
export function claimOf({ isMinimal, operations }: Contradiction): string {
  if (!isMinimal) return 'these take part in the contradiction:';
  const needed = operations.filter(({ role }) => role !== 'context').length;
  if (needed === 1) return 'this one fits nowhere, whatever all others did:';
  return `these ${needed} contradict each other, and each of them is needed:`;
}

/** `timed`: whether each line says when, and by which member. */
export function contradictionLines(
  contradiction: Contradiction,
  options: { readonly timed?: boolean } = {},
): readonly string[] {
  const { message, operations, order } = contradiction;
  const lines = [message, claimOf(contradiction)];
  for (const operation of operations) {
    const { role, text, process, member } = operation;
    const note = role === 'context' ? ' (only where it comes from)' : '';
    const who = `process ${process}`;
    const when = `${spanOf(operation)}  ${member ?? '-'}  `;
    lines.push(`  ${marks[role]} ${options.timed ? when : ''}${text} by ${who}${note}`);
  }
  if (order.length === 0) return lines;
  const hidden = order.length - stepsShownMax;
  lines.push(`without the first, marked !, they go in this order${hidden > 0 ? ', its end' : ''}:`);
  for (const { text, state } of order.slice(-stepsShownMax)) lines.push(`  ${text}  then ${state}`);
  return lines;
}

/** When it was asked and answered: `1.234567 .. 1.240000 s`. */
export function spanOf({ call, end }: ContradictingOperation): string {
  return `${call.toFixed(6)} .. ${end === null ? 'never' : end.toFixed(6)} s`;
}
