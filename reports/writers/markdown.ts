/** summary.md: the verdict for a pull request or a CI job page. */
import {
  evidencePhrases,
  formatSeconds,
  headline,
  overallVerdict,
  type PropertyResult,
  type RunReport,
  type Verdict,
} from '../runReport';
import { summarizeHistory } from './json';

const marks: Readonly<Record<Verdict, string>> = {
  ok: '✅ held',
  fail: '❌ broken',
  unknown: '❔ undecided',
  skipped: '➖ skipped',
};

/** Text in a table cell: no new lines, no column borders, no markup. */
function cell(text: string): string {
  return text
    .replaceAll(/\s+/g, ' ')
    .replaceAll(/[\\`*_{}[\]<>#|]/g, (character) => `\\${character}`);
}

/** A code block whose fence is longer than any run of back-ticks in it. */
function codeBlock(lines: readonly string[]): string {
  const text = lines.join('\n');
  const longest = Math.max(2, ...[...text.matchAll(/`+/g)].map(([run]) => run.length));
  const fence = '`'.repeat(longest + 1);
  return `${fence}text\n${text}\n${fence}`;
}

function propertyRow(property: PropertyResult): string {
  const { title, verdict, evidence, reason } = property;
  const because = reason === undefined || verdict === 'ok' ? '' : `<br>${cell(reason)}`;
  const phrases = evidencePhrases(evidence).join(', ');
  return `| ${cell(title)}${because} | ${marks[verdict]} | ${phrases} |`;
}

function counterexampleSection({ title, counterexample }: PropertyResult): readonly string[] {
  if (!counterexample) return [];
  const { lines, page, replay } = counterexample;
  const again = replay === undefined ? [] : ['', 'Show it again:', '', codeBlock([replay])];
  const drawn = page === undefined ? [] : ['', `Where operations take effect: [${page}](${page})`];
  return [
    '',
    `### Broken: ${cell(title)}`,
    '',
    cell(counterexample.title),
    '',
    codeBlock(lines),
    ...drawn,
    ...again,
  ];
}

export function writeMarkdown(report: RunReport): string {
  const { properties, target, seed, seconds, startedAt, faults, histories, notes } = report;
  const version = target.version === undefined ? '' : ` ${target.version}`;
  const injected = faults.filter(({ count }) => count > 0);
  const lines = [
    `# ${marks[overallVerdict(properties)].split(' ')[0]} ${headline(properties)}`,
    '',
    `${cell(report.title)} on ${cell(target.name)}${cell(version)} ` +
      `(${target.memberCount} members), ${formatSeconds(seconds)}, seed \`${seed}\`, ${startedAt}`,
    '',
    '| promise | verdict | evidence |',
    '| --- | --- | --- |',
    ...properties.map(propertyRow),
    ...properties.flatMap(counterexampleSection),
    '',
    '## What was done',
    '',
    ...histories
      .map(summarizeHistory)
      .map(
        (summary) =>
          `- ${cell(summary.name)}: ${summary.operations} operations, ${summary.racing} of them ` +
          `raced with a fault (${summary.ok} ok, ${summary.fail} fail, ${summary.info} unknown)`,
      ),
    ...(injected.length === 0
      ? ['- no faults']
      : [`- faults: ${injected.map(({ name, count }) => `${cell(name)} ×${count}`).join(', ')}`]),
    ...notes.map((note) => `- ${cell(note)}`),
    '',
    '## Again',
    '',
    codeBlock([report.command]),
    '',
    ...Object.entries(report.environment).map(([name, value]) => `- ${cell(name)}: ${cell(value)}`),
    '',
  ];
  return lines.join('\n');
}
