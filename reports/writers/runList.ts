/** The page that lists all stored runs, newest first. */
import { pageStyle } from '../page/assets';
import { formatSeconds, groupDigits } from '../runReport';
import type { RunSummary } from '../runs';
import { html, htmlDocument, verbatim } from './markup';
import { table } from './table';

export function writeRunList(runs: readonly RunSummary[]): string {
  const columns = [
    { title: 'started' },
    { title: 'verdict' },
    { title: 'run' },
    { title: 'target' },
    { title: 'operations', look: 'number' },
    { title: 'faults', look: 'number' },
    { title: 'lasted', look: 'number' },
    { title: 'seed', look: 'mono' },
  ];
  const rows = runs.map((run) => [
    html`<a href="${encodeURIComponent(run.directory)}/index.html">${shownTime(run.startedAt)}</a>`,
    html`<span class="pill ${run.verdict}">${run.headline}</span>`,
    run.title,
    run.target,
    groupDigits(run.operations),
    run.faults,
    formatSeconds(run.seconds),
    run.seed,
  ]);
  const shown =
    runs.length === 0 ? html`<p class="muted">No run has finished yet.</p>` : table(columns, rows);
  return htmlDocument(
    'Runs',
    html`<style>
      ${verbatim(pageStyle())}
    </style>`,
    html`<header><h1>Runs</h1></header>
      <section>${shown}</section>`,
  );
}

function shownTime(startedAt: string): string {
  return startedAt.replace('T', ' ').replace(/(\.\d+)?Z$/, '');
}
