/** A failure as one page that needs nothing but itself: what is false, the steps, the diagram. */
import { describeFault, describeOperation, describeSwarm, renderColumns } from '../../simulator';
import type { Outcome } from '../../simulator';
import { html, htmlDocument, verbatim } from '../../../reports/writers/markup';
import type { Failure } from './failure';
import { lamportDiagram } from './lamport';

const LOG_LINES = 400;

const STYLE = `
body { font: 14px/1.45 system-ui, sans-serif; margin: 2rem; color: #111827; background: #fff; }
main { max-width: 76rem; }
pre { background: #f8fafc; padding: .75rem; overflow: auto; font-size: 12px; }
.lamport { font-family: system-ui, sans-serif; max-width: none; }
.wide { overflow: auto; }
dt { font-weight: 600; }
dd p { margin: 0; }
`;

export function failurePage({ plan, violation, triage }: Failure, outcome: Outcome): string {
  const { invariant, sentence, details, timeMs, event } = violation;
  const members = plan.members + (plan.spares ?? 0);
  const records = outcome.records();
  const steps = [
    ...plan.faults.map((fault) => ({ atMs: fault.atMs, text: describeFault(fault) })),
    ...plan.operations.map((asked) => ({ atMs: asked.atMs, text: describeOperation(asked) })),
  ].sort((a, b) => a.atMs - b.atMs);
  const body = html`<h1>${invariant} is violated</h1>
    <dl>
      <dt>Claim</dt>
      <dd>${sentence}</dd>
      <dt>Fact</dt>
      <dd><pre>${details}</pre></dd>
      <dt>When</dt>
      <dd>${(timeMs / 1000).toFixed(3)} s, event ${event}, seed ${plan.seed}</dd>
      <dt>Triage</dt>
      <dd>${(triage ?? 'none').split('\n').map((line) => html`<p>${line}</p>`)}</dd>
      <dt>Cluster</dt>
      <dd>${describeSwarm(plan)}</dd>
    </dl>
    <h2>Steps</h2>
    <ol>
      ${steps.map(({ text }) => html`<li>${text}</li>`)}
    </ol>
    <h2>Messages at the end</h2>
    <div class="wide">${lamportDiagram(outcome.messages(), records, members)}</div>
    <h2>Log</h2>
    <pre>${renderColumns(records, members, LOG_LINES)}</pre>`;
  const head = html`<style>
    ${verbatim(STYLE)}
  </style>`;
  return htmlDocument(`${invariant}, seed ${plan.seed}`, head, body);
}
