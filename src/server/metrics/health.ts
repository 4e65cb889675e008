/**
 * Is this member healthy? The three questions that etcd answers, in its words.
 *
 * `/health` is about the cluster as this member sees it: no alarm, a leader, a read that works.
 * `/livez` asks whether this process should be restarted: it reads its own state and nothing
 * else. `/readyz` asks whether clients should be sent here: no corruption, and a read that the
 * quorum confirmed. The checks of the latter two can be asked for one by one, or left out.
 */
import type { AlarmName } from '../services/backend';

export interface HealthSource {
  /** The alarms that are raised, of any member. */
  alarms(): readonly AlarmName[];
  hasLeader(): boolean;
  isLearner(): boolean;
  /** Reads one key; rejects with the reason. */
  read(serializable: boolean): Promise<void>;
}

export interface Health {
  readonly health: 'true' | 'false';
  readonly reason: string;
}

export interface HealthQuestion {
  /** Alarms that are to be passed over. */
  readonly exclude: ReadonlySet<string>;
  /** About this member alone: no leader is needed. */
  readonly serializable: boolean;
}

export async function checkHealth(source: HealthSource, asked: HealthQuestion): Promise<Health> {
  const alarm = source.alarms().find((name) => !asked.exclude.has(name));
  if (alarm !== undefined) return { health: 'false', reason: `ALARM ${alarm}` };
  if (!asked.serializable && !source.hasLeader()) {
    return { health: 'false', reason: 'RAFT NO LEADER' };
  }
  try {
    await source.read(asked.serializable);
    return { health: 'true', reason: '' };
  } catch (error) {
    return { health: 'false', reason: `RANGE ERROR:${textOf(error)}` };
  }
}

/** Throws, or rejects, with the reason. */
type Check = (source: HealthSource) => Promise<void> | void;

const CHECKS: Readonly<Record<string, Check>> = {
  data_corruption: (source) => {
    if (source.alarms().includes('CORRUPT')) throw new Error('alarm activated: CORRUPT');
  },
  serializable_read: (source) => source.read(true),
  linearizable_read: (source) => source.read(false),
  non_learner: (source) => {
    if (source.isLearner()) throw new Error('not supported for learner');
  },
};

export const PROBES = {
  livez: ['serializable_read'],
  readyz: ['data_corruption', 'serializable_read', 'linearizable_read', 'non_learner'],
} as const satisfies Readonly<Record<string, readonly string[]>>;

export interface CheckResult {
  readonly name: string;
  readonly ok: boolean;
  /** A line for people. */
  readonly line: string;
}

/** Runs checks one after the other; all of them, so that the answer names every failing one. */
export async function runChecks(
  source: HealthSource,
  names: readonly string[],
  exclude: ReadonlySet<string>,
): Promise<readonly CheckResult[]> {
  const results: CheckResult[] = [];
  for (const name of names) {
    if (exclude.has(name)) {
      results.push({ name, ok: true, line: `[+]${name} excluded: ok` });
      continue;
    }
    try {
      await CHECKS[name]!(source);
      results.push({ name, ok: true, line: `[+]${name} ok` });
    } catch (error) {
      results.push({ name, ok: false, line: `[-]${name} failed: ${textOf(error)}` });
    }
  }
  return results;
}

function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
