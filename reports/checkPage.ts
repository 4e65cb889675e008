/**
 * A checked history as one page that needs nothing beside it: operations by process on an axis of
 * time, the point at which each takes effect, the state after it, and what contradicts what.
 *
 * The verdict and the counterexamples are plain markup and readable without scripts. The picture
 * is drawn by `page/linearization.js` from compressed columns, of which only the visible part is
 * ever drawn, so that 100 000 operations scroll like ten.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { deflateSync } from 'node:zlib';

import type { Picture, PicturedPart, RuleResult } from '../models';
import type { History, Operation } from '../src/history';
import { encodeColumns } from './columns';
import { contradictionOf } from './contradictions';
import { packageDirectory } from './packageDirectory';
import type { Contradiction } from './runReport';
import { contradictionBody, contradictionTitle } from './writers/contradictionCard';
import { html, htmlDocument, jsonForScript, verbatim, type Markup } from './writers/markup';
import { table } from './writers/table';

export interface CheckPage {
  readonly title: string;
  readonly history: History;
  readonly picture: Picture;
  readonly rules: readonly RuleResult[];
}

const scripts = ['data.js', 'view.js', 'picture.js', 'linearization.js', 'checkPage.js'];
const styles = ['page.css', 'checkPage.css'];

/** Spans below this are no times but positions of events, as logs without a clock have them. */
const nanosecondsMin = 1e6;
const partsListedMax = 500;

function pageFile(name: string): string {
  return readFileSync(join(packageDirectory(), 'reports', 'page', name), 'utf8');
}

interface Scale {
  readonly unit: 's' | 'events';
  readonly place: (time: number) => number;
  readonly seconds: number;
}

/** Times from zero; where there is no clock, an event is drawn a second after the other. */
function scaleOf(operations: readonly Operation[]): Scale {
  let first = Infinity;
  let last = -Infinity;
  for (const { call, return: end } of operations) {
    first = Math.min(first, call);
    last = Math.max(last, call, end === Infinity ? call : end);
  }
  const span = Math.max(last - first, 1);
  const isClock = span >= nanosecondsMin;
  const factor = isClock ? 1 : 1e9;
  // The clock of a run of ours begins with it; others count from anywhere.
  const zero = isClock && first >= 0 && first < span ? 0 : first;
  return {
    unit: isClock ? 's' : 'events',
    place: (time) => (time === Infinity ? Infinity : (time - zero) * factor),
    seconds: ((first - zero + span) * factor) / 1e9,
  };
}

function packed(value: unknown): string {
  return deflateSync(Buffer.from(JSON.stringify(value))).toString('base64');
}

function partData(part: PicturedPart, indexes: ReadonlyMap<number, number>): object {
  const { key, verdict, order, states, counterexample } = part;
  const at = (operation: Operation): number => indexes.get(operation.id)!;
  return {
    ...{ key: key ?? '', verdict, states },
    order: order.map((id) => indexes.get(id)!),
    ...(counterexample === undefined
      ? {}
      : {
          message: counterexample.message,
          culprit: at(counterexample.culprit),
          core: counterexample.operations.map(at),
          context: counterexample.context.map(at),
        }),
  };
}

function pageData({ history, picture }: CheckPage): object {
  const { place, unit, seconds } = scaleOf(history.operations);
  const operations = history.operations.map((operation) => ({
    ...operation,
    call: place(operation.call),
    return: place(operation.return),
  }));
  const indexes = new Map(operations.map(({ id }, i) => [id, i]));
  const rank: Readonly<Record<string, number>> = { fail: 0, unknown: 1, ok: 2 };
  const parts = [...picture.parts].sort((a, b) => rank[a.verdict]! - rank[b.verdict]!);
  return {
    ...{ unit, seconds, columns: encodeColumns(operations) },
    descriptions: packed(picture.descriptions),
    parts: packed(parts.map((part) => partData(part, indexes))),
  };
}

const words = { ok: 'linearizable', fail: 'not linearizable', unknown: 'undecided' } as const;

function header({ title, history, picture }: CheckPage): Markup {
  const { parts, verdict, model } = picture;
  const failed = parts.filter((part) => part.verdict === 'fail').length;
  const broken = failed === 0 ? '' : `, ${failed} broken`;
  return html`<header>
    <h1><span class="pill ${verdict}">${words[verdict]}</span> ${title}</h1>
    <div class="facts">
      <span><b>${history.operations.length}</b> operations</span>
      <span>model <b>${model}</b></span>
      <span><b>${parts.length}</b> ${parts.length === 1 ? 'part' : 'parts'}${broken}</span>
    </div>
  </header>`;
}

function contradictionCard(contradiction: Contradiction, hasClock: boolean): Markup {
  return html`<section class="broken">
    <div class="bar">
      <h2 style="margin:0">${contradictionTitle(contradiction)}</h2>
      <button class="right" data-error="${contradiction.key ?? ''}">show in the picture</button>
    </div>
    ${contradictionBody(contradiction, hasClock)}
  </section>`;
}

function ruleSection(rules: readonly RuleResult[]): Markup | undefined {
  if (rules.length === 0) return undefined;
  const names = { ok: 'held', fail: 'broken', unknown: 'undecided' } as const;
  const rows = rules.map(({ promise, verdict, looked, violation, reason }) => [
    html`${promise}
      <div class="muted small">${violation?.message ?? reason}</div>`,
    html`<span class="pill ${verdict}">${names[verdict]}</span>`,
    looked,
  ]);
  return html`<section>
    <h2>Rules beyond linearizability</h2>
    ${table([{}, {}, { look: 'number' }], rows)}
  </section>`;
}

function partChoice(parts: readonly PicturedPart[]): Markup | undefined {
  if (parts.length < 2) return undefined;
  const rank = { fail: 0, unknown: 1, ok: 2 };
  const shown = [...parts]
    .sort((a, b) => rank[a.verdict] - rank[b.verdict])
    .slice(0, partsListedMax)
    .map(
      ({ key = '', verdict }, i) => html`<option value="${i}">${key} (${words[verdict]})</option>`,
    );
  return html`<label class="small">
    key
    <select id="part">
      ${shown}
    </select>
  </label>`;
}

function pictureSection(parts: readonly PicturedPart[]): Markup {
  const legend = [
    ['read', 'observes'],
    ['write', 'changes'],
    ['fail', 'failed'],
    ['info', 'unknown outcome'],
    ['bad', 'in the contradiction'],
  ].map(
    ([name, text]) =>
      html`<span><span class="swatch" style="background:var(--op-${name})"></span>${text}</span>`,
  );
  return html`<section>
    <div class="bar">
      <h2 style="margin:0">Operations and the points where they take effect</h2>
      ${partChoice(parts)}
      <span class="right"></span>
      <button data-do="error" title="jump to the error (e)">jump to the error</button>
      <button data-do="previous" title="previous in the order (p)">‹</button>
      <button data-do="next" title="next in the order (n)">›</button>
      <button data-do="in" title="zoom in (+)">+</button>
      <button data-do="out" title="zoom out (-)">−</button>
      <button data-do="all" title="everything (0)">all</button>
    </div>
    <div class="legend">${legend}</div>
    <div id="linearization"></div>
    <div id="details" class="details muted" aria-live="polite">
      Click an operation. Keys: arrows move, + and − zoom, 0 shows all, n and p walk along the
      order, e jumps to the error.
    </div>
    <noscript><p>The picture needs scripts; the verdict and why are above.</p></noscript>
  </section>`;
}

export function writeCheckPage(page: CheckPage): string {
  const { history, picture, rules, title } = page;
  const describe = new Map(history.operations.map(({ id }, i) => [id, picture.descriptions[i]!]));
  const { unit, place } = scaleOf(history.operations);
  const cards = picture.parts.flatMap(({ counterexample: found }) => {
    if (found === undefined) return [];
    const nameOf = ({ id }: Operation): string => describe.get(id) ?? String(id);
    const contradiction = contradictionOf(found, nameOf, (time) => place(time) / 1e9);
    return [contradictionCard(contradiction, unit === 's')];
  });
  const head = html`<style>
    ${verbatim(styles.map(pageFile).join('\n'))}
  </style>`;
  const body = html`${header(page)} ${cards} ${pictureSection(picture.parts)} ${ruleSection(rules)}
    <script type="application/json" id="run-data">
      ${jsonForScript(pageData(page))}
    </script>
    <script>
      ${verbatim(scripts.map(pageFile).join('\n'))};
    </script>`;
  return htmlDocument(`${words[picture.verdict]} · ${title}`, head, body);
}
