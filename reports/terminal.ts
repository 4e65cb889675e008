/** The verdict as a table for the terminal; colours only where somebody looks at it. */
import {
  evidencePhrases,
  formatSeconds,
  headline,
  overallVerdict,
  type RunReport,
  type Verdict,
} from './runReport';

export interface TerminalOptions {
  /** Whether the stream is a terminal that shows colours. */
  readonly colours: boolean;
  /** Width of the terminal. Default 100. */
  readonly columns?: number;
}

const words: Readonly<Record<Verdict, string>> = {
  ok: 'ok',
  fail: 'FAIL',
  unknown: 'unknown',
  skipped: 'skipped',
};

/** SGR codes: green, red, yellow, dim. */
const codes: Readonly<Record<Verdict, number>> = { ok: 32, fail: 31, unknown: 33, skipped: 2 };

/** Columns narrower than this would break single words. */
const titleColumnsMin = 24;
const columnsDefault = 100;
const evidenceColumnsMin = 20;
/** Promises are what one reads first; the evidence wraps where it would leave them no room. */
const evidenceShareMax = 0.36;
/** Lines of a counterexample that fit on a screen; the rest is in the documents. */
const counterexampleLinesMax = 20;

/** Breaks at spaces; a longer word stands alone. */
function wrap(text: string, width: number): readonly string[] {
  const lines: string[] = [];
  for (const word of text.split(/\s+/)) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + 1 + word.length <= width) {
      lines[lines.length - 1] = `${last} ${word}`;
    } else {
      lines.push(word);
    }
  }
  return lines;
}

/** Control characters from a store under test must not reach the terminal. */
function printable(text: string): string {
  return text.replaceAll(/\p{Cc}/gu, '\ufffd');
}

/** The table, the counterexamples in short, and one closing line. */
export function renderTerminal(report: RunReport, options: TerminalOptions): string {
  const { properties } = report;
  const paint = (verdict: Verdict, text: string): string =>
    options.colours ? `\u001b[${codes[verdict]}m${text}\u001b[0m` : text;
  const evidences = properties.map(({ evidence }) => evidencePhrases(evidence).join(', '));
  const verdictWidth = Math.max(
    'verdict'.length,
    ...properties.map((p) => words[p.verdict].length),
  );
  const columns = options.columns ?? columnsDefault;
  const evidenceWidth = Math.min(
    Math.max('evidence'.length, ...evidences.map((text) => text.length)),
    Math.max(evidenceColumnsMin, Math.floor(columns * evidenceShareMax)),
  );
  const titleWidth = Math.max(titleColumnsMin, columns - verdictWidth - evidenceWidth - 4);
  const row = (title: string, verdict: string, evidence: string): string =>
    `${title.padEnd(titleWidth)}  ${verdict}  ${evidence}`.trimEnd();
  const lines = [row('property', 'verdict'.padEnd(verdictWidth), 'evidence')];
  lines.push('-'.repeat(Math.min(columns, titleWidth + verdictWidth + evidenceWidth + 4)));
  properties.forEach(({ title, verdict, reason, counterexample }, i) => {
    const titles = wrap(printable(title), titleWidth);
    const facts = wrap(evidences[i]!, evidenceWidth);
    const painted = paint(verdict, words[verdict].padEnd(verdictWidth));
    for (let at = 0; at < Math.max(1, titles.length, facts.length); at++) {
      const middle = at === 0 ? painted : ' '.repeat(verdictWidth);
      lines.push(row(titles[at] ?? '', middle, facts[at] ?? ''));
    }
    if (reason !== undefined && verdict !== 'ok') {
      lines.push(...wrap(printable(reason), columns - 2).map((line) => `  ${line}`));
    }
    if (counterexample) {
      const { lines: all, replay } = counterexample;
      lines.push(paint(verdict, `  ${printable(counterexample.title)}`));
      lines.push(...all.slice(0, counterexampleLinesMax).map((line) => `    ${printable(line)}`));
      const left = all.length - counterexampleLinesMax;
      if (left > 0) lines.push(`    ... and ${left} more lines in the report`);
      if (replay !== undefined) lines.push(`  again: ${replay}`);
    }
  });
  const verdict = overallVerdict(properties);
  const target = `${report.target.name}${report.target.version ? ` ${report.target.version}` : ''}`;
  lines.push('', ...report.notes.map((note) => `note: ${printable(note)}`));
  lines.push(
    `${paint(verdict, headline(properties))} (${target}, ${formatSeconds(report.seconds)}, ` +
      `seed ${report.seed})`,
    '',
  );
  return lines.join('\n');
}
