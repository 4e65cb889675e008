/**
 * index.html: the whole run in one file that needs no network.
 *
 * Verdict, tables and counterexamples are plain markup and readable without scripts; charts and
 * timeline are drawn by the scripts in `reports/page` from compact data (`columns.ts`).
 */
import { bucketsOf } from '../buckets';
import { encodeColumns } from '../columns';
import { faultWindows } from '../faultWindows';
import { pageScripts, pageStyle, uPlotFiles } from '../page/assets';
import {
  evidencePhrases,
  formatSeconds,
  groupDigits,
  headline,
  overallVerdict,
  type Counterexample,
  type FaultKind,
  type NamedHistory,
  type PropertyResult,
  type RunReport,
  type Verdict,
} from '../runReport';
import { contradictionBody, contradictionTitle } from './contradictionCard';
import { summarizeHistory } from './json';
import { html, htmlDocument, jsonForScript, verbatim, type Markup } from './markup';
import { table } from './table';

const words: Readonly<Record<Verdict, string>> = {
  ok: 'held',
  fail: 'broken',
  unknown: 'undecided',
  skipped: 'skipped',
};

const colourDefault = '#7a8790';
/** A list of faults that is longer is folded; the charts above show them all. */
const faultRowsShown = 40;

function pill(verdict: Verdict): Markup {
  return html`<span class="pill ${verdict}">${words[verdict]}</span>`;
}

/** How long the run lasted on the clock of its history, by its last event. */
function historySeconds({ history }: NamedHistory): number {
  let last = 0;
  for (const { call, return: end } of history.operations) {
    last = Math.max(last, end === Infinity ? call : end);
  }
  for (const { time } of history.faults) last = Math.max(last, time);
  return Math.max(last / 1e9, 0.001);
}

/** What the page's scripts read; times in seconds. */
function pageData(report: RunReport): unknown {
  const kinds = new Map(report.faults.map((kind) => [kind.name, kind]));
  const histories = report.histories.map((named) => {
    const { name, history } = named;
    const seconds = historySeconds(named);
    const badIds = report.properties.flatMap(({ counterexample }) =>
      counterexample?.history === name ? (counterexample.operationIds ?? []) : [],
    );
    return {
      name,
      seconds,
      badIds,
      faults: faultWindows(history.faults).map(({ fault, targets, start, end, failure }) => {
        const { label = fault, colour = colourDefault }: Partial<FaultKind> =
          kinds.get(fault) ?? {};
        // JSON has no Infinity: an end that never came is null.
        const ended = end === Infinity ? null : end / 1e9;
        return { label, colour, targets, start: start / 1e9, end: ended, failure };
      }),
      buckets: bucketsOf(history.operations, seconds),
      series: report.series.filter((series) => series.history === name),
      columns: encodeColumns(history.operations),
    };
  });
  return { histories };
}

function header(report: RunReport): Markup {
  const { title, target, seed, seconds, startedAt, properties, histories, faults } = report;
  const operations = histories.reduce((sum, { history }) => sum + history.operations.length, 0);
  const injected = faults.reduce((sum, { count }) => sum + count, 0);
  const version = target.version === undefined ? '' : ` ${target.version}`;
  return html`<header>
    <h1>${pill(overallVerdict(properties))} ${headline(properties)}</h1>
    <div class="facts">
      <span><b>${title}</b></span>
      <span>target <b>${target.name}${version}</b>, ${target.memberCount} members</span>
      <span><b>${groupDigits(operations)}</b> operations</span>
      <span><b>${injected}</b> faults</span>
      <span><b>${formatSeconds(seconds)}</b></span>
      <span>seed <b class="mono">${seed}</b></span>
      <span>${startedAt.replace('T', ' ').replace(/\.\d+Z$/, ' UTC')}</span>
    </div>
  </header>`;
}

/** What somebody has to look at comes first. */
const byGravity: readonly Verdict[] = ['fail', 'unknown', 'ok', 'skipped'];

function propertyTable(properties: readonly PropertyResult[]): Markup {
  const sorted = byGravity.flatMap((wanted) =>
    properties.filter(({ verdict }) => verdict === wanted),
  );
  const rows = sorted.map(({ title, verdict, evidence, reason, id, counterexample }) => {
    const why =
      counterexample === undefined
        ? undefined
        : html`<a class="small" href="#counterexample-${id}">why</a>`;
    const because =
      reason === undefined || verdict === 'ok'
        ? undefined
        : html`<div class="muted small">${reason}</div>`;
    return [
      html`${title}${because}`,
      html`${pill(verdict)} ${why}`,
      evidencePhrases(evidence).join(' · '),
    ];
  });
  const columns = [
    { title: 'promise' },
    { title: 'verdict' },
    { title: 'evidence', look: 'small muted' },
  ];
  const ids = sorted.map(({ id }) => `property-${id}`);
  return html`<section class="promises">
    <h2>What was promised</h2>
    ${table(columns, rows, { ids })}
  </section>`;
}

/** Shows operations on the timeline below. */
function jumpButton(history: string | undefined, ids: readonly number[]): Markup | undefined {
  if (history === undefined || ids.length === 0) return undefined;
  const jump = JSON.stringify({ name: history, ids });
  return html`<button class="right" data-jump="${jump}">show on the timeline</button>`;
}

/** What contradicts what, a card for each key. */
function contradictionCards({ contradictions = [], history, page }: Counterexample): Markup[] {
  return contradictions.map((one) => {
    const ids = one.operations.map(({ id }) => id);
    const drawn =
      page === undefined
        ? undefined
        : html`<a class="button" href="${page}#key=${encodeURIComponent(one.key ?? '')}"
            >where operations take effect</a
          >`;
    return html`<div class="contradiction">
      <div class="bar">
        <h3>${contradictionTitle(one)}</h3>
        ${jumpButton(history, ids)} ${drawn}
      </div>
      ${contradictionBody(one, true)}
    </div>`;
  });
}

function counterexampleSection({ title, counterexample, id }: PropertyResult): readonly Markup[] {
  if (!counterexample) return [];
  const { lines, history, operationIds = [], contradictions = [], replay } = counterexample;
  const again =
    replay === undefined
      ? undefined
      : html`<h3>Show it again</h3>
          <pre>${replay}</pre>`;
  const body =
    contradictions.length > 0
      ? contradictionCards(counterexample)
      : html`<p>${counterexample.title}</p>
          <pre>${lines.join('\n')}</pre>`;
  return [
    html`<section class="broken" id="counterexample-${id}">
      <div class="bar">
        <h2 style="margin:0">Broken: ${title}</h2>
        ${contradictions.length > 0 ? undefined : jumpButton(history, operationIds)}
      </div>
      ${body} ${again}
    </section>`,
  ];
}

function pictures(report: RunReport): Markup | undefined {
  if (report.histories.length === 0) return undefined;
  const tabs =
    report.histories.length < 2
      ? []
      : report.histories.map(
          ({ name }) => html`<button data-history="${name}" aria-pressed="false">${name}</button>`,
        );
  return html`<section>
    <div class="bar">
      <h2 style="margin:0">What happened</h2>
      ${tabs}
      <span class="right"></span>
      <button data-zoom="in" title="zoom in (+)">+</button>
      <button data-zoom="out" title="zoom out (-)">−</button>
      <button data-zoom="reset" title="everything (0)">all</button>
    </div>
    <p class="muted small">
      Drag over a chart to zoom into it. In the timeline: drag to move, Ctrl + wheel or pinch to
      zoom, double-click to zoom in, click for details; arrows, +, − and 0 work as well.
    </p>
    <div id="pictures"></div>
    <noscript><p>The charts and the timeline need scripts; all verdicts are above.</p></noscript>
  </section>`;
}

function faultTable(report: RunReport): Markup | undefined {
  const kinds = new Map(report.faults.map((kind) => [kind.name, kind]));
  const rows = report.histories.flatMap(({ name, history }) =>
    faultWindows(history.faults).map(({ fault, targets, start, end, failure }) => {
      const { label = fault, colour = colourDefault }: Partial<FaultKind> = kinds.get(fault) ?? {};
      const healed = end === Infinity ? 'not healed' : formatSeconds((end - start) / 1e9);
      const during = history.operations.reduce(
        (sum, { call, return: ret }) => sum + (call <= end && ret >= start ? 1 : 0),
        0,
      );
      return [
        html`<span class="swatch" style="background:${colour}"></span>${label}`,
        targets.join(', '),
        report.histories.length > 1 ? name : '',
        `${(start / 1e9).toFixed(2)} s`,
        failure ?? healed,
        groupDigits(during),
      ];
    }),
  );
  if (rows.length === 0) return undefined;
  const columns = [
    { title: 'fault' },
    { title: 'members' },
    { look: 'muted small' },
    { title: 'at', look: 'number' },
    { title: 'until it worked again', look: 'number' },
    { title: 'operations during it', look: 'number' },
  ];
  const all = table(columns, rows);
  return html`<section>
    <h2>What was injected when</h2>
    ${rows.length <= faultRowsShown ? all : folded(`all ${groupDigits(rows.length)} of them`, all)}
  </section>`;
}

function folded(title: string, content: Markup): Markup {
  return html`<details>
    <summary>${title}</summary>
    ${content}
  </details>`;
}

function workTable(report: RunReport): Markup | undefined {
  if (report.histories.length === 0) return undefined;
  const rows = report.histories.map((named) => {
    const { name, file, operations, ok, fail, info, racing } = summarizeHistory(named);
    const stored = file === undefined ? name : html`<a href="${file}">${name}</a>`;
    const counts = [operations, ok, fail, info, racing];
    return [stored, ...counts.map((count) => groupDigits(count))];
  });
  const counted = ['operations', 'ok', 'failed', 'unknown', 'raced with a fault'];
  const columns = [{ title: 'history' }, ...counted.map((title) => ({ title, look: 'number' }))];
  return html`<section>
    <h2>How much was tried</h2>
    ${table(columns, rows)}
  </section>`;
}

function environment(report: RunReport): Markup {
  const named = { target: report.target.how, ...report.environment };
  const facts = table([{ look: 'muted' }, {}], Object.entries(named), { isSmall: true });
  const notes = report.notes.map((note) => html`<p class="muted">${note}</p>`);
  return html`<section>
    <h2>The same again</h2>
    ${notes}
    <div class="bar">
      <pre id="command" style="flex:1;margin:0">${report.command}</pre>
      <button data-copy="command">copy</button>
    </div>
    ${facts}
  </section>`;
}

export function writeHtml(report: RunReport): string {
  const uPlot = uPlotFiles();
  const head = html`<style>
    ${verbatim(uPlot.style)}
    ${verbatim(pageStyle())}
  </style>`;
  const body = html`${header(report)} ${propertyTable(report.properties)}
    ${report.properties.flatMap(counterexampleSection)} ${pictures(report)} ${faultTable(report)}
    ${workTable(report)} ${environment(report)}
    <script type="application/json" id="run-data">
      ${jsonForScript(pageData(report))}
    </script>
    <script>
      ${verbatim(uPlot.script)};
    </script>
    <script>
      ${verbatim(pageScripts())};
    </script>`;
  return htmlDocument(`${headline(report.properties)} · ${report.title}`, head, body);
}
