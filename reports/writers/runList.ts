/** The page that lists all stored runs, newest first. */
import { pageStyle } from '../page/assets';
import { formatSeconds, groupDigits } from '../runReport';
import type { RunSummary } from '../runs';
import { html, htmlDocument, verbatim } from './markup';

export function writeRunList(runs: readonly RunSummary[]): string {
  const rows = runs.map(
    (run) =>
      html`<tr>
        <td>
          <a href="${encodeURIComponent(run.directory)}/index.html">${shownTime(run.startedAt)}</a>
        </td>
        <td><span class="pill ${run.verdict}">${run.headline}</span></td>
        <td>${run.title}</td>
        <td>${run.target}</td>
        <td class="number">${groupDigits(run.operations)}</td>
        <td class="number">${run.faults}</td>
        <td class="number">${formatSeconds(run.seconds)}</td>
        <td class="mono">${run.seed}</td>
      </tr>`,
  );
  const table = html`<div class="scroll">
    <table>
      <thead>
        <tr>
          <th>started</th>
          <th>verdict</th>
          <th>run</th>
          <th>target</th>
          <th class="number">operations</th>
          <th class="number">faults</th>
          <th class="number">lasted</th>
          <th>seed</th>
        </tr>
      </thead>
      <tbody>
        ${rows}
      </tbody>
    </table>
  </div>`;
  return htmlDocument(
    'Runs',
    html`<style>
      ${verbatim(pageStyle())}
    </style>`,
    html`<header><h1>Runs</h1></header>
      <section>
        ${runs.length === 0 ? html`<p class="muted">No run has finished yet.</p>` : table}
      </section>`,
  );
}

function shownTime(startedAt: string): string {
  return startedAt.replace('T', ' ').replace(/(\.\d+)?Z$/, '');
}
