/**
 * The end of a failed run as a Lamport diagram: a line down for each member, an arrow for each
 * message from where it left to where it arrived. Down is the order of events, not their distance
 * in time, which spans six orders of magnitude; the times stand beside.
 */
import { describeRecord, TraceKind } from '../../simulator';
import type { JournalledMessage, TraceRecord } from '../../simulator';
import { html } from '../../../reports/writers/markup';
import type { Markup } from '../../../reports/writers/markup';

const LANE_WIDTH = 170;
const LEFT = 110;
const TOP = 34;
const ROW = 13;
/** Room for the words at the last line. */
const RIGHT = 60;
/** More arrows than these nobody can follow. */
const MESSAGES_MAX = 120;

const COLOURS: Readonly<Record<string, string>> = {
  append: '#2563eb',
  appendResponse: '#60a5fa',
  vote: '#b45309',
  voteResponse: '#f59e0b',
  preVote: '#7c3aed',
  preVoteResponse: '#a78bfa',
  snapshot: '#047857',
  timeoutNow: '#be123c',
};
const OTHER_COLOUR = '#9ca3af';

interface Mark {
  readonly timeUs: number;
  readonly member: number;
  readonly text: string;
}

/** Heartbeats are left out: they say nothing that the others do not. */
export function lamportDiagram(
  messages: readonly JournalledMessage[],
  records: readonly TraceRecord[],
  members: number,
): Markup {
  const arrows = messages.filter(({ type }) => !type.startsWith('heartbeat')).slice(-MESSAGES_MAX);
  const startUs = Math.min(...arrows.map(({ sentUs }) => sentUs), Infinity);
  const marks = marksOf(records).filter(({ timeUs }) => timeUs >= startUs);
  if (arrows.length + marks.length === 0) return html`<p>No messages were seen.</p>`;
  const times = [
    ...arrows.flatMap(({ sentUs, atUs }) => [sentUs, atUs]),
    ...marks.map(({ timeUs }) => timeUs),
  ];
  const rows = new Map([...new Set(times)].sort((a, b) => a - b).map((time, row) => [time, row]));
  const y = (timeUs: number): number => TOP + ROW * (1 + rows.get(timeUs)!);
  const x = (member: number): number => LEFT + LANE_WIDTH * (member - 0.5);
  const width = LEFT + LANE_WIDTH * members + RIGHT;
  const height = TOP + ROW * (rows.size + 2);
  const lanes = Array.from({ length: members }, (_, i) => lane(i + 1, x(i + 1), height));
  const clock = [...rows.keys()].filter((_, row) => row % 5 === 0).map((time) => tick(time, y));
  return html`<svg
    class="lamport"
    viewBox="0 0 ${width} ${height}"
    width="${width}"
    role="img"
    aria-label="messages between the members"
  >
    <defs>
      <marker
        id="tip"
        viewBox="0 0 8 8"
        refX="7"
        refY="4"
        markerWidth="6"
        markerHeight="6"
        orient="auto"
      >
        <path d="M0 0 8 4 0 8z" fill="context-stroke" />
      </marker>
    </defs>
    ${lanes} ${clock} ${arrows.map((arrow) => drawArrow(arrow, x, y))}
    ${marks.map((mark) => drawMark(mark, x, y))}
  </svg>`;
}

/** What happened to members themselves: who leads, who is down, what was struck. */
function marksOf(records: readonly TraceRecord[]): Mark[] {
  const terms = new Map<number, string>();
  const marks: Mark[] = [];
  for (const record of records) {
    const { timeUs, kind, member, a, b } = record;
    if (kind === TraceKind.state) {
      const name = ['follows', 'asks first', 'campaigns', 'leads'][a]!;
      const text = `${name} in term ${b}`;
      if (terms.get(member) === text) continue;
      terms.set(member, text);
      marks.push({ timeUs, member, text });
    } else if (kind === TraceKind.crash || kind === TraceKind.restart) {
      terms.delete(member);
      marks.push({ timeUs, member, text: kind === TraceKind.crash ? 'is down' : 'starts' });
    } else if (kind === TraceKind.fault || kind === TraceKind.heal) {
      marks.push({ timeUs, member: Math.max(1, member), text: describeRecord(record)! });
    }
  }
  return marks;
}

function lane(member: number, x: number, height: number): Markup {
  return html`<text x="${x}" y="18" text-anchor="middle" font-weight="600">n${member}</text>
    <line x1="${x}" x2="${x}" y1="${TOP - 8}" y2="${height}" stroke="#cbd5e1" />`;
}

function tick(timeUs: number, y: (timeUs: number) => number): Markup {
  const text = `${(timeUs / 1000).toFixed(3)} ms`;
  return html`<text x="4" y="${y(timeUs) + 3}" font-size="9" fill="#64748b">${text}</text>`;
}

function drawArrow(
  message: JournalledMessage,
  x: (member: number) => number,
  y: (timeUs: number) => number,
): Markup {
  const { from, to, sentUs, atUs, type, reject, term, index, entries, dropped } = message;
  const colour = COLOURS[type] ?? OTHER_COLOUR;
  // What never arrives ends half way.
  const endX = dropped ? (x(from) + x(to)) / 2 : x(to);
  const more = entries > 0 ? ` +${entries}` : '';
  const text = `${type}${reject ? ' REJECTED' : ''} term ${term} index ${index}${more}`;
  const title = `n${from} to n${to}: ${text}${dropped ? ', never arrives' : ''}`;
  const label = `${type}${reject ? ' no' : ''} ${index}${more}`;
  return html`<g>
    <title>${title}</title>
    <line
      x1="${x(from)}"
      y1="${y(sentUs)}"
      x2="${endX}"
      y2="${y(atUs)}"
      stroke="${colour}"
      stroke-width="1.3"
      stroke-dasharray="${dropped ? '3 3' : 'none'}"
      marker-end="url(#tip)"
    />
    <text
      x="${(x(from) + 2 * endX) / 3}"
      y="${(y(sentUs) + 2 * y(atUs)) / 3 - 2}"
      font-size="8"
      text-anchor="middle"
      fill="${colour}"
      >${label}</text
    >
  </g>`;
}

function drawMark(
  { timeUs, member, text }: Mark,
  x: (member: number) => number,
  y: (timeUs: number) => number,
): Markup {
  return html`<circle cx="${x(member)}" cy="${y(timeUs)}" r="2.5" fill="#111827" />
    <text x="${x(member) + 5}" y="${y(timeUs) + 3}" font-size="9" fill="#111827">${text}</text>`;
}
