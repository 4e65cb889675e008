/**
 * Walks through a failed run event by event, with the state of every member as a table of one
 * column each. Commands come a line at a time, from a terminal or a pipe alike; when nothing
 * more comes, the walk is over.
 */
import { describeRecord, Stepper } from '../../simulator';
import type { MemberAt, TraceRecord } from '../../simulator';

const COLUMN_WIDTH = 14;
const LABEL_WIDTH = 12;

export const STEP_HELP =
  'enter: next event, a number: so many events, m<n>: until member n changes, e: to the end, ' +
  's: states, q: quit';

export class StepThrough {
  private readonly stepper: Stepper;

  constructor(records: readonly TraceRecord[], members: number) {
    this.stepper = new Stepper(records, members);
  }

  get isOver(): boolean {
    return this.stepper.position >= this.stepper.length;
  }

  /** What a command shows; undefined: it ends the walk. */
  command(text: string): string | undefined {
    const word = text.trim();
    if (word === 'q') return undefined;
    if (word === 's') return this.table();
    if (word === 'e') return this.advance(Infinity, () => false);
    if (word === '') return this.advance(1, () => false);
    const member = /^m(\d+)$/.exec(word);
    if (member !== null) {
      const id = Number(member[1]);
      const before = this.stateOf(id);
      if (before === undefined) return `there is no member ${id}`;
      return this.advance(Infinity, () => this.stateOf(id) !== before);
    }
    const count = Number(word);
    if (Number.isSafeInteger(count) && count > 0) return this.advance(count, () => false);
    return `'${word}' is no command; ${STEP_HELP}`;
  }

  private advance(count: number, enough: () => boolean): string {
    const lines: string[] = [];
    for (let i = 0; i < count; i++) {
      const record = this.stepper.next();
      if (record === undefined) break;
      lines.push(this.line(record));
      if (enough()) break;
    }
    if (lines.length === 0) return 'the run is over';
    return [...lines, this.table()].join('\n');
  }

  private line(record: TraceRecord): string {
    const { position, length } = this.stepper;
    const time = (record.timeUs / 1e6).toFixed(6);
    return `[${position}/${length}] ${time} s  event ${record.event}  ${describeRecord(record)!}`;
  }

  private table(): string {
    const states = this.stepper.states();
    const row = (label: string, cell: (state: MemberAt) => string | number): string =>
      `  ${label.padEnd(LABEL_WIDTH)}${states
        .map((state) => String(cell(state)).padEnd(COLUMN_WIDTH))
        .join('')}`.trimEnd();
    const known = (of: (state: MemberAt) => number) => (state: MemberAt) =>
      state.role === 'down' || state.role === 'unseen' ? '-' : of(state);
    return [
      row('', ({ id }) => `n${id}`),
      row('role', ({ role }) => role),
      row(
        'term',
        known(({ term }) => term),
      ),
      row(
        'log',
        known(({ lastIndex }) => lastIndex),
      ),
      row(
        'committed',
        known(({ commitIndex }) => commitIndex),
      ),
      row(
        'applied',
        known(({ appliedIndex }) => appliedIndex),
      ),
      row(
        'revision',
        known(({ revision }) => revision),
      ),
    ].join('\n');
  }

  private stateOf(id: number): MemberAt | undefined {
    return this.stepper.states()[id - 1];
  }
}
