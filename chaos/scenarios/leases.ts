/**
 * A storm of leases while leaders sleep and clocks jump: what is kept alive must live, what is not
 * must go.
 *
 * A lease may end only when its time has passed since the member last said how much there is, and
 * a new leader gives every lease its whole time again. So an early end is always wrong; a late one
 * is wrong only when all faults are long gone.
 */
import { checkLeases } from '../../models';
import type { PropertyResult } from '../../reports';
import type { EtcdClient, Outcome } from '../../src/client';
import type { EtcdKeyValue } from '../../src/history';
import { propertyOf } from '../checks/property';
import { pause, waitFor } from '../wait';
import { sleepingLeader, wrongClocks } from './leaseFaults';
import { skipped, type Scenario } from './scenario';
import { Stage } from './stage';

const leaseCount = 300;
const ttlSeconds = 3;
/** After the last fault: twice the time of a lease and some elections. */
const goneLimitMs = 30_000;
const stormRounds = 3;
/** Every so many leases one is revoked. */
const revokedEvery = 10;
/** A request is tried again this often before the script gives up. */
const attemptsMax = 100;
/** Processes of the history: who grants and revokes, who looks, and those who keep alive. */
const granting = 0;
const looking = 1;
const keepingFirst = 2;

interface Lease {
  readonly id: bigint;
  readonly key: string;
  /** Kept alive to the end. */
  readonly isKept: boolean;
  /** When it was certainly still alive; milliseconds. */
  aliveUntilMs: number;
}

export const leases: Scenario = {
  name: 'leases',
  promise:
    'Leases that are kept alive live, those that are not end, also while leaders sleep and ' +
    'clocks are wrong',
  isTimed: false,
  run: async (context) => {
    const target = await context.cluster('leases', { fakeClock: true });
    const played = await Stage.play(context, 'leases', target, script);
    if (target.capabilities.has('clock')) return [played];
    const reason = target.missing?.get('clock') ?? 'the clocks of the target cannot be moved';
    const title = 'A wall clock that jumps ends no lease before its time';
    return [{ ...played, properties: [...played.properties, skipped('clock', title, reason)] }];
  },
};

async function script(stage: Stage): Promise<readonly PropertyResult[]> {
  const probe = await stage.client.leaseGrant({ ttlSeconds });
  if (probe.type !== 'ok' && probe.code === 'unimplemented') {
    return [skipped('leases', leases.promise, `the store has no leases: ${probe.error}`)];
  }
  const all: Lease[] = [];
  for (let i = 0; i < leaseCount; i += 1) all.push(await grant(stage, i));
  const early: string[] = [];
  const stop = new AbortController();
  const keeping = keepAlive(stage, all, early, stop.signal);
  try {
    await revokeSome(stage, all);
    for (let round = 1; round <= stormRounds; round += 1) {
      stage.context.onProgress(`leases: the leader sleeps, ${round} of ${stormRounds}`);
      await sleepingLeader(stage, ttlSeconds * 1_000, () => look(stage, all, early));
      if (stage.context.signal.aborted) break;
    }
    if (stage.cluster.capabilities.has('clock')) {
      stage.context.onProgress('leases: the clocks are wrong');
      await wrongClocks(stage, ttlSeconds * 1_000, () => look(stage, all, early));
    }
    await stage.untilHealed();
    const late = await untilGone(stage, all);
    const missing = await missingKeys(stage, all);
    return [keptLive(all, early, missing), othersGo(all, late), ...rulesOf(stage)];
  } finally {
    stop.abort();
    await keeping;
  }
}

/**
 * Asks one member after the other until one says yes, or says what is as good; every attempt is
 * in the history.
 */
async function untilDone<T>(
  stage: Stage,
  attempt: (endpoint: number) => Promise<Outcome<T>>,
  isAsGood: (error: string) => boolean = () => false,
): Promise<T | undefined> {
  for (let turn = 0; ; turn += 1) {
    stage.context.signal.throwIfAborted();
    const outcome = await attempt(turn % stage.names.length);
    if (outcome.type === 'ok') return outcome.value;
    const { type, code, error } = outcome;
    if (type === 'fail' && isAsGood(error)) return undefined;
    if (turn >= attemptsMax) throw new Error(`${code}: ${error}`);
    await pause(100, stage.context.signal);
  }
}

async function grant(stage: Stage, i: number): Promise<Lease> {
  const { client } = stage;
  const asking = { process: granting, value: { ttlSeconds } };
  let asked = 0;
  const granted = await untilDone(stage, (endpoint) => {
    asked = performance.now();
    return stage.recorded(
      { ...asking, f: 'leaseGrant', endpoint },
      () => client.leaseGrant({ ttlSeconds }, { endpoint }),
      ({ ID, TTL }) => ({ lease: ID.toString(), ttlSeconds: Number(TTL) }),
    );
  });
  const key = `lease-${i}`;
  const lease = granted!.ID;
  const value = { value: 'x', lease: lease.toString() };
  await untilDone(stage, (endpoint) =>
    stage.recorded(
      { process: granting, f: 'put', key, value, endpoint },
      () => client.put({ key, value: 'x', lease }, { endpoint }),
      () => ({}),
    ),
  );
  return { id: lease, key, isKept: i % 2 === 0, aliveUntilMs: asked + ttlSeconds * 1_000 };
}

/** Keeps half of them alive, over all members in turn. */
async function keepAlive(
  stage: Stage,
  all: readonly Lease[],
  early: string[],
  stop: AbortSignal,
): Promise<void> {
  const kept = all.filter(({ isKept }) => isKept);
  const lanes = 8;
  await Promise.all(
    Array.from({ length: lanes }, async (_, lane) => {
      for (let turn = 0; !stop.aborted; turn += 1) {
        for (let i = lane; i < kept.length && !stop.aborted; i += lanes) {
          const lease = kept[i]!;
          const asked = performance.now();
          const endpoint = (i + turn) % stage.names.length;
          const outcome = await stage.recorded(
            {
              ...{ process: keepingFirst + lane, f: 'leaseKeepAlive', endpoint },
              value: { lease: lease.id.toString() },
            },
            () => stage.client.leaseKeepAlive(lease.id, { endpoint, timeoutMs: 500 }),
            ({ TTL }) => ({ ttlSeconds: Number(TTL) }),
          );
          if (outcome.type !== 'ok') continue;
          const ttl = Number(outcome.value.TTL);
          if (ttl > 0) lease.aliveUntilMs = asked + ttl * 1_000;
          // The answer may have come long after the request: only its arrival is certain.
          else if (performance.now() < lease.aliveUntilMs) {
            early.push(`${lease.key} ended too early`);
          }
        }
        await pause(200, stop);
      }
    }),
  );
}

/** What is gone although its time had not come. */
async function look(stage: Stage, all: readonly Lease[], early: string[]): Promise<void> {
  const asked = performance.now();
  const gone = new Set(await missingKeys(stage, all));
  const now = performance.now();
  for (const { key, aliveUntilMs } of all) {
    if (gone.has(key) && now < aliveUntilMs && asked < aliveUntilMs) {
      early.push(`${key} is gone ${Math.round(aliveUntilMs - now)} ms too early`);
    }
  }
}

async function missingKeys(stage: Stage, all: readonly Lease[]): Promise<readonly string[]> {
  const asking = { process: looking, f: 'range', key: 'lease-', value: { end: 'lease.' } };
  const read = await untilDone(stage, (endpoint) =>
    stage.recorded(
      { ...asking, endpoint },
      () =>
        stage.client.range({ key: 'lease-', rangeEnd: 'lease.' }, { endpoint, timeoutMs: 1_000 }),
      ({ kvs, count }) => ({ kvs: kvs.map(shownKey), count: Number(count), more: false }),
    ),
  );
  const there = new Set(read!.kvs.map(({ key }) => key.toString('utf8')));
  return all.map(({ key }) => key).filter((key) => !there.has(key));
}

type RangeAnswer = Extract<Awaited<ReturnType<EtcdClient['range']>>, { readonly type: 'ok' }>;

function shownKey(kv: RangeAnswer['value']['kvs'][number]): EtcdKeyValue {
  return {
    ...{ key: kv.key.toString('utf8'), value: kv.value.toString('utf8') },
    ...{ mod: Number(kv.modRevision), create: Number(kv.createRevision) },
    ...{ version: Number(kv.version), lease: kv.lease.toString() },
  };
}

/** Gives some of the leases back that nobody keeps, before their time. */
async function revokeSome(stage: Stage, all: readonly Lease[]): Promise<void> {
  const { client } = stage;
  for (const lease of all.filter(({ isKept }, i) => !isKept && i % revokedEvery === 1)) {
    const { id } = lease;
    const value = { lease: id.toString() };
    // From here on nothing is too early.
    lease.aliveUntilMs = 0;
    await untilDone(
      stage,
      (endpoint) =>
        stage.recorded(
          { process: granting, f: 'leaseRevoke', value, endpoint },
          () => client.leaseRevoke(id, { endpoint }),
          () => ({}),
        ),
      // It ended by itself, or by an attempt whose answer was lost.
      (error) => error.includes('lease not found'),
    );
  }
}

/** The rules of leases, applied to every answer that was given in the scenario. */
function rulesOf(stage: Stage): readonly PropertyResult[] {
  const { operations } = stage.history();
  return checkLeases(operations, { outliveMsMax: stormRounds * goneLimitMs }).map((result) =>
    propertyOf(result, { history: 'leases', evidence: { operations: result.looked } }),
  );
}

async function untilGone(stage: Stage, all: readonly Lease[]): Promise<readonly string[]> {
  const doomed = all.filter(({ isKept }) => !isKept).map(({ key }) => key);
  let left: readonly string[] = doomed;
  const attempt = async (): Promise<true | undefined> => {
    const gone = new Set(await missingKeys(stage, all));
    left = doomed.filter((key) => !gone.has(key));
    return left.length === 0 ? true : undefined;
  };
  const what = 'leases that nobody keeps to end';
  const { signal } = stage.context;
  await waitFor(attempt, { what, limitMs: goneLimitMs, intervalMs: 250, signal }).catch(() =>
    signal.throwIfAborted(),
  );
  return left;
}

function keptLive(
  all: readonly Lease[],
  early: readonly string[],
  missing: readonly string[],
): PropertyResult {
  const now = performance.now();
  const kept = all.filter(({ isKept, aliveUntilMs }) => isKept && aliveUntilMs > now);
  const gone = new Set(missing);
  const lost = kept.filter(({ key }) => gone.has(key)).map(({ key }) => `${key} is gone`);
  const problems = [...early, ...lost];
  const base = {
    id: 'leases-live',
    title: 'A lease that is kept alive does not end, and none ends before its time',
    evidence: { faults: stormRounds, counts: { leases: kept.length } },
  };
  if (problems.length > 0) {
    const counterexample = { title: problems[0]!, lines: problems.slice(0, 20) };
    return { ...base, verdict: 'fail', reason: problems[0]!, counterexample };
  }
  if (kept.length > 0) return { ...base, verdict: 'ok' };
  return { ...base, verdict: 'unknown', reason: 'no lease could be kept alive' };
}

function othersGo(all: readonly Lease[], late: readonly string[]): PropertyResult {
  const base = {
    id: 'leases-end',
    title: `A lease that nobody keeps ends within ${goneLimitMs / 1_000} s after the last fault`,
    evidence: { counts: { leases: all.filter(({ isKept }) => !isKept).length } },
  };
  if (late.length === 0) return { ...base, verdict: 'ok' };
  const reason = `${late.length} keys are still there`;
  const counterexample = { title: reason, lines: late.slice(0, 20) };
  return { ...base, verdict: 'fail', reason, counterexample };
}
