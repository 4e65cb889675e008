/**
 * A contradiction as markup, for the page of a run and for that of a checked history: the sentence,
 * who did what when, and the order that would be possible without the operation that is wrong.
 */
import { claimOf, spanOf } from '../contradictions';
import type { ContradictingOperation, Contradiction } from '../runReport';
import { html, type Markup } from './markup';
import { table } from './table';

const notes = { culprit: 'cannot be placed', core: '', context: 'where it comes from' } as const;

function row(operation: ContradictingOperation, hasClock: boolean): Markup {
  const { role, text, process, member } = operation;
  const facts = [
    `process ${process}`,
    ...(member === undefined ? [] : [member]),
    ...(hasClock ? [spanOf(operation)] : []),
    ...(notes[role] === '' ? [] : [notes[role]]),
  ];
  return html`<li class="${role}">
    <code>${text}</code>
    <span class="muted small">${facts.join(' · ')}</span>
  </li>`;
}

function orderTable({ order }: Contradiction): Markup | undefined {
  if (order.length === 0) return undefined;
  const mono = { look: 'mono' };
  const rows = order.map(({ text, state }) => [text, state]);
  return html`<details>
    <summary>The longest order without it, and the state after each step</summary>
    ${table([mono, mono], rows, { isSmall: true })}
  </details>`;
}

/** `hasClock`: whether the times are seconds, and worth showing. */
export function contradictionBody(contradiction: Contradiction, hasClock: boolean): Markup {
  const { message, operations } = contradiction;
  const claim = claimOf(contradiction);
  return html`<p>${message}</p>
    <p class="muted small">${claim.charAt(0).toUpperCase() + claim.slice(1)}</p>
    <ol class="operations">
      ${operations.map((operation) => row(operation, hasClock))}
    </ol>
    ${orderTable(contradiction)}`;
}

export function contradictionTitle({ key }: Contradiction): string {
  return key === undefined ? 'Broken' : `Key ${key} is broken`;
}
