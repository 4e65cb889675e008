/**
 * Compacts by itself, as etcd's `--auto-compaction-mode` says: what is older than a period, or
 * what is more than a number of revisions behind.
 *
 * Only the leader proposes compactions; the others keep track of revisions, so that a new leader
 * knows at once what is old. A compaction that fails is tried again.
 */
import { Refused, type Command, type Revision } from '../kv';
import type { Runtime, Timer } from '../runtime/runtime';
import type { ProposalOutcome } from './proposals';

export type AutoCompaction =
  | { readonly mode: 'periodic'; readonly retentionMs: number }
  | { readonly mode: 'revision'; readonly retentionRevisions: number };

export interface AutoCompactorParts {
  readonly runtime: Runtime;
  readonly settings: AutoCompaction;
  readonly isLeader: () => boolean;
  readonly revision: () => Revision;
  readonly propose: (command: Command, done: (outcome: ProposalOutcome) => void) => void;
  readonly compacted: (revision: Revision) => void;
}

const HOUR_MS = 60 * 60 * 1000;
/** How often the number of revisions is looked at. As etcd. */
const REVISION_INTERVAL_MS = 5 * 60 * 1000;
/** Samples between two periodic compactions. As etcd. */
const SAMPLES_PER_INTERVAL = 10;

interface Sample {
  readonly atMs: number;
  readonly revision: Revision;
}

export class AutoCompactor {
  private timer: Timer | undefined;
  private samples: Sample[] = [];
  private lastMs: number;
  private lastRevision = 0;

  constructor(private readonly parts: AutoCompactorParts) {
    this.lastMs = parts.runtime.nowMs();
    this.look();
  }

  stop(): void {
    this.timer?.cancel();
  }

  private look(): void {
    const { settings, runtime, revision } = this.parts;
    const nowMs = runtime.nowMs();
    if (settings.mode === 'periodic') {
      const { retentionMs } = settings;
      // Long periods are compacted every hour, so that each compaction has little to do.
      const intervalMs = Math.min(retentionMs, HOUR_MS);
      this.samples.push({ atMs: nowMs, revision: revision() });
      const old = this.dropOlder(nowMs - retentionMs);
      if (old !== undefined && nowMs - this.lastMs >= intervalMs) this.compact(old.revision, nowMs);
      this.lookAgain(intervalMs / SAMPLES_PER_INTERVAL);
    } else {
      this.compact(revision() - settings.retentionRevisions, nowMs);
      this.lookAgain(REVISION_INTERVAL_MS);
    }
  }

  private lookAgain(afterMs: number): void {
    this.timer = this.parts.runtime.after(afterMs, () => this.look());
  }

  /** The newest sample of `untilMs` or before; what is older is forgotten. */
  private dropOlder(untilMs: number): Sample | undefined {
    let count = 0;
    while (count < this.samples.length && this.samples[count]!.atMs <= untilMs) count++;
    if (count > 1) this.samples = this.samples.slice(count - 1);
    return count > 0 ? this.samples[0] : undefined;
  }

  private compact(revision: Revision, nowMs: number): void {
    const { isLeader, propose, compacted } = this.parts;
    if (revision <= 0 || revision <= this.lastRevision || !isLeader()) return;
    propose({ kind: 'compact', request: { revision, physical: false } }, (outcome) => {
      const applied = 'result' in outcome ? outcome.result : undefined;
      // Somebody else has compacted further: as good as done.
      const isDone = applied !== undefined && !(applied instanceof Refused && isFuture(applied));
      if (!isDone) return;
      this.lastMs = nowMs;
      this.lastRevision = revision;
      compacted(revision);
    });
  }
}

function isFuture({ message }: Refused): boolean {
  return message.includes('future');
}

/** Reads etcd's `--auto-compaction-retention`; undefined: switched off. Throws RangeError. */
export function parseAutoCompaction(
  mode: 'periodic' | 'revision',
  retention: string,
): AutoCompaction | undefined {
  if (/^\d+$/.test(retention)) {
    const value = Number(retention);
    if (value === 0) return undefined;
    return mode === 'periodic'
      ? { mode, retentionMs: value * HOUR_MS }
      : { mode, retentionRevisions: value };
  }
  const retentionMs = mode === 'periodic' ? parseDuration(retention) : undefined;
  if (retentionMs === undefined) {
    const expected = mode === 'periodic' ? 'hours, or a duration such as 30m' : 'a whole number';
    throw new RangeError(`"${retention}" is not a retention for mode ${mode} (${expected})`);
  }
  return retentionMs === 0 ? undefined : { mode: 'periodic', retentionMs };
}

const UNITS: Readonly<Record<string, number>> = { h: HOUR_MS, m: 60_000, s: 1_000, ms: 1 };

/** A duration as Go writes it (`1h30m`, `10s`) in milliseconds; undefined for anything else. */
export function parseDuration(text: string): number | undefined {
  if (!/^(\d+(ms|h|m|s))+$/.test(text)) return undefined;
  let ms = 0;
  for (const [, count, unit] of text.matchAll(/(\d+)(ms|h|m|s)/g)) ms += +count! * UNITS[unit!]!;
  return ms;
}
