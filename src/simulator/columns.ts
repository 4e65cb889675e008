/**
 * The log of a run as text: one line an event, one column a member.
 *
 * A line says when, at which member, and what; the column of a member shows what it is after the
 * event, so that a reader can run down one column to follow one member and across a line to
 * compare them. Rendered from the trace's numbers only when somebody wants to read it.
 */
import { KINDS, OUTCOMES } from './clients';
import { FAULT_KINDS } from './faults';
import { MESSAGE_TYPES, TraceKind } from './trace';
import type { TraceRecord } from './trace';

const ROLE_SIGNS = ['F', 'p', 'C', 'L'] as const;
const COLUMN_WIDTH = 19;

/** The last `linesMax` records as lines, under a header. */
export function renderColumns(
  records: readonly TraceRecord[],
  members: number,
  linesMax = 200,
): string {
  const states: string[] = Array.from({ length: members }, () => '');
  const shown: string[] = [];
  records.forEach((record, i) => {
    const text = describeRecord(record);
    updateState(states, record);
    if (i < records.length - linesMax || text === undefined) return;
    shown.push(line(record, members, states, text));
  });
  const names = Array.from({ length: members }, (_, i) => `n${i + 1}`.padEnd(COLUMN_WIDTH));
  const header =
    `${'time s'.padStart(11)} ${'event'.padStart(8)}  ${names.join('')} what\n` +
    `${' '.repeat(22)}(role term:commit/last applied)`;
  return [header, ...shown].join('\n');
}

function line(
  record: TraceRecord,
  members: number,
  states: readonly string[],
  text: string,
): string {
  const cells = states.map((state, i) =>
    (i + 1 === record.member ? `[${state || ' '}]` : ' ·').padEnd(COLUMN_WIDTH),
  );
  const time = (record.timeUs / 1e6).toFixed(6).padStart(11);
  return `${time} ${String(record.event).padStart(8)}  ${cells.slice(0, members).join('')} ${text}`;
}

function updateState(states: string[], record: TraceRecord): void {
  const { kind, member, a, b, c, d, e } = record;
  if (kind === TraceKind.state) {
    states[member - 1] = `${ROLE_SIGNS[a]} ${b}:${c}/${d} ${e}`;
  } else if (kind === TraceKind.crash) {
    states[member - 1] = 'down';
  }
}

/** What a record says in words; undefined for records nobody wants to read. */
export function describeRecord(record: TraceRecord): string | undefined {
  const { kind, member, a, b, c, d, e, f, g } = record;
  switch (kind) {
    case TraceKind.deliver:
    case TraceKind.drop: {
      const type = MESSAGE_TYPES[b >> 1]!;
      const rejected = (b & 1) === 1 ? ' REJECTED' : '';
      const lost = kind === TraceKind.drop ? ' (never arrives)' : '';
      return (
        `n${a} -> n${member} ${type}${rejected} term ${c} index ${d}/${g} commit ${e}` +
        `${f > 0 ? ` +${f} entries` : ''}${lost}`
      );
    }
    case TraceKind.chunk:
      return `n${a} -> n${member} snapshot ${b}, ${d} bytes at ${c}`;
    case TraceKind.state:
      return `n${member} is ${ROLE_SIGNS[a]}, term ${b}, commit ${c} of ${d}, applied ${e}`;
    case TraceKind.crash:
      return a === 1 ? `n${member} is killed` : `n${member} loses power`;
    case TraceKind.restart:
      return `n${member} starts`;
    case TraceKind.fault:
    case TraceKind.heal:
      return `${kind === TraceKind.heal ? 'end of' : 'FAULT'} ${FAULT_KINDS[a]} ${targets(b)}`;
    case TraceKind.invoke:
      return `process ${a} asks n${member}: ${KINDS[b]} k${c} (operation ${e})`;
    case TraceKind.complete:
      return `process ${a} hears ${OUTCOMES[d - 1]} of ${KINDS[b]} k${c} (operation ${e})`;
    case TraceKind.watch:
      return `watcher ${a} hears of revision ${b} at n${member}, ${c} events`;
    case TraceKind.timer:
    case TraceKind.turn:
    case TraceKind.sync:
      return undefined;
  }
}

function targets(mask: number): string {
  const names: string[] = [];
  for (let id = 1; id < 31; id++) if ((mask & (1 << id)) !== 0) names.push(`n${id}`);
  return names.join(' ');
}
