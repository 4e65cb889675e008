/** A watch in a few lines: what was asked for, and the last responses with what they carried. */

import type { WatchLog, WatchResponse } from '../../src/history';

const responsesMax = 5;
const eventsMax = 4;

export function describeWatch(log: WatchLog): readonly string[] {
  const { responses } = log;
  const last = responses.slice(-responsesMax);
  const left = responses.length - last.length;
  const before = left === 0 ? [] : [`... ${left} responses before ...`];
  return [describeRequest(log), ...before, ...last.map(describeResponse)];
}

function describeRequest({ request, created }: WatchLog): string {
  const { key, end, revision = 0, prevKv, filters = [], progressNotify } = request;
  const shown = JSON.stringify(key);
  const interval =
    key === '\0' && end === '\0'
      ? 'all keys'
      : end === undefined
        ? shown
        : end === '\0'
          ? `all keys from ${shown} on`
          : `the keys from ${shown} to below ${JSON.stringify(end)}`;
  const options = [
    ...(prevKv === true ? ['with previous values'] : []),
    ...(progressNotify === true ? ['with progress'] : []),
    ...filters.map((one) => `without ${one === 'noput' ? 'puts' : 'deletes'}`),
  ];
  const from = revision > 0 ? `from revision ${revision}` : 'from now on';
  const at = created === undefined ? '' : `; created at revision ${created}`;
  return [`asked for ${interval}`, from, ...options].join(', ') + at;
}

function describeResponse({ rev, events, time, ...rest }: WatchResponse): string {
  const shown = events.slice(0, eventsMax).map(({ type, key, rev: at, value, prev }) => {
    const set = type === 'put' ? ` = ${JSON.stringify(value)}` : '';
    const was = prev === undefined ? '' : `, was ${JSON.stringify(prev.value)}`;
    return `${type} ${key}${set} at ${at}${was}`;
  });
  if (events.length > eventsMax) shown.push(`${events.length - eventsMax} more`);
  const marks = [
    ...(rest.isProgress === true ? ['progress'] : []),
    ...(rest.isFragment === true ? ['fragment'] : []),
    ...(rest.isCanceled === true ? [`canceled ${rest.error ?? ''}`.trim()] : []),
    ...(rest.compacted === undefined ? [] : [`compacted at ${rest.compacted}`]),
  ];
  const at = time === undefined ? '' : `${(time / 1e9).toFixed(6)} s  `;
  return `${at}revision ${rev}: ${[...marks, ...shown].join('; ') || 'nothing'}`;
}
