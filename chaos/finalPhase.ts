/**
 * What is done after the last fault is healed: ask every member, read everything, compare.
 *
 * These reads are part of the history. They close the run: whatever was lost or made up shows at
 * the latest here, since nothing happens after them that could hide it.
 */
import { EtcdClient, OperationClient } from '../src/client';
import type { HistoryRecorder } from '../src/history';
import { readChanges, type ChangesRead } from './changeLog';
import { everythingIn, revisionIn, revisionInStore, within, type StoreScope } from './storeScope';
import type { RunningCluster } from './target';
import { pause, WaitTimeout, waitFor } from './wait';
import type { Workload } from './workloads';

export interface FinalPhaseOptions {
  readonly cluster: RunningCluster;
  readonly memberNames: ReadonlyMap<bigint, string>;
  readonly workload: Workload;
  readonly scope: StoreScope;
  readonly recorder: HistoryRecorder;
  /** The first process number that no client has used. */
  readonly firstProcess: number;
  /** How long each member may take to answer, to read everything and to catch up. */
  readonly limitMs: number;
  /** Ends the waiting: what was not learned by then stays unknown. */
  readonly signal: AbortSignal;
}

/** How one member came through. */
export interface MemberEnding {
  readonly member: string;
  /** How long it took until it served a linearizable read; undefined when it never did. */
  readonly answeredMs: number | undefined;
  /** Whether all final reads succeeded. */
  readonly readAll: boolean;
  /** Its data at the common revision, as one text; undefined when it could not be asked. */
  readonly fingerprint: string | undefined;
  /** Its own revision, when it still was below the common one after the limit. */
  readonly stuckAt?: number;
  /** All changes from the first on, as a watch on this member shows them. */
  readonly replay: ChangesRead;
  readonly reason?: string;
}

export interface FinalPhaseResult {
  readonly endings: readonly MemberEnding[];
  /** The revision at which the members were compared. */
  readonly revision: number;
  /** How the fingerprint was taken: `HashKV`, or `range` for stores without it. */
  readonly comparedBy: 'HashKV' | 'range';
  /** The run was ended before everybody had answered everything. */
  readonly isCut: boolean;
}

interface Asked {
  readonly answeredMs: number | undefined;
  readonly readAll: boolean;
  readonly revision: number;
  readonly reason?: string;
}

const requestTimeoutMs = 2_000;

export async function runFinalPhase(options: FinalPhaseOptions): Promise<FinalPhaseResult> {
  const members = options.cluster.members();
  const client = new EtcdClient({
    endpoints: members.map(({ clientUrl }) => clientUrl),
    timeoutMs: requestTimeoutMs,
    ...options.cluster.access,
  });
  try {
    const asked: Asked[] = [];
    for (const [i] of members.entries()) asked.push(await askMember(options, client, i));
    const revision = Math.max(0, ...asked.map((one) => one.revision));
    const byHash = await Promise.all(
      members.map((_, i) => fingerprint(client, i, revision, 'HashKV', options)),
    );
    // A store without HashKV is compared by what its members return.
    const hasHash = byHash.some((one) => one.fingerprint !== undefined);
    const prints = hasHash
      ? byHash
      : await Promise.all(
          members.map((_, i) => fingerprint(client, i, revision, 'range', options)),
        );
    const replays: ChangesRead[] = [];
    for (const [endpoint] of members.entries()) {
      const { workload, scope, limitMs, signal } = options;
      const { vocabulary } = workload;
      replays.push(
        workload.compacts
          ? { reason: 'old revisions are compacted in this workload' }
          : await readChanges({
              ...{ client, endpoint, toRevision: revision, vocabulary, scope, limitMs, signal },
            }),
      );
    }
    const endings = members.map(({ name }, i): MemberEnding => {
      const { answeredMs, readAll } = asked[i]!;
      const { stuckAt } = prints[i]!;
      const reason = asked[i]!.reason ?? prints[i]!.reason;
      return {
        ...{ member: name, answeredMs, readAll, fingerprint: prints[i]!.fingerprint },
        replay: replays[i]!,
        ...(stuckAt === undefined ? {} : { stuckAt }),
        ...(reason === undefined ? {} : { reason }),
      };
    });
    const { aborted: isCut } = options.signal;
    return { endings, revision, comparedBy: hasHash ? 'HashKV' : 'range', isCut };
  } finally {
    client.close();
  }
}

/** Waits until the member serves, then reads everything through it. */
async function askMember(
  options: FinalPhaseOptions,
  client: EtcdClient,
  endpoint: number,
): Promise<Asked> {
  const { workload, recorder, firstProcess, limitMs, memberNames, cluster, signal } = options;
  const start = performance.now();
  try {
    await waitFor(async () => (await client.healthy({ endpoint })) || undefined, {
      ...{ what: 'a linearizable read', limitMs, intervalMs: 50, signal },
    });
  } catch (error) {
    const reason = (error as Error).message;
    return { answeredMs: undefined, readAll: false, revision: 0, reason };
  }
  const answeredMs = performance.now() - start;
  // Once for all members: they are asked one after the other.
  if (endpoint === 0) await pause(workload.restMs ?? 0, signal);
  const member = cluster.members()[endpoint]!.name;
  const memberName = (id: bigint): string | undefined => memberNames.get(id);
  const { vocabulary } = workload;
  const performer = new OperationClient(client, {
    ...{ vocabulary, endpoint, memberName },
    ...within(options.scope),
  });
  let revision = 0;
  for (const request of workload.finalReads()) {
    try {
      revision = await waitFor(
        async () => {
          const id = recorder.invoke({ process: firstProcess + endpoint, member, ...request });
          const completion = await performer.perform(request);
          recorder.complete(id, { member, ...completion });
          return completion.type === 'ok' ? (completion.rev ?? 0) : undefined;
        },
        { what: `the final ${request.f} of ${request.key}`, limitMs, intervalMs: 100, signal },
      );
    } catch (error) {
      if (!(error instanceof WaitTimeout) && !signal.aborted) throw error;
      return { answeredMs, readAll: false, revision, reason: (error as Error).message };
    }
  }
  return { answeredMs, readAll: true, revision };
}

interface Fingerprint {
  readonly fingerprint: string | undefined;
  readonly stuckAt?: number;
  readonly reason?: string;
}

/** What the member itself holds at a revision, without asking the others. */
async function fingerprint(
  client: EtcdClient,
  endpoint: number,
  revision: number,
  by: FinalPhaseResult['comparedBy'],
  { limitMs, scope, signal }: FinalPhaseOptions,
): Promise<Fingerprint> {
  let lastError = 'no answer';
  try {
    const text = await waitFor(
      async () => {
        const outcome = await (by === 'HashKV'
          ? hashOf(client, endpoint, revisionInStore(scope, revision))
          : rangeOf(client, endpoint, revision, scope));
        if (typeof outcome === 'string') return outcome;
        lastError = outcome.error;
        // A member that lags behind says "future revision" until it has caught up.
        return outcome.isFinal ? null : undefined;
      },
      { what: `${by} at revision ${revision}`, limitMs, intervalMs: 50, signal },
    );
    return text === null
      ? { fingerprint: undefined, reason: `${by}: ${lastError}` }
      : { fingerprint: text };
  } catch (error) {
    const reason = `${(error as Error).message}: ${lastError}`;
    if (signal.aborted) return { fingerprint: undefined, reason };
    const own = await client.range({ key: '\0', serializable: true }, { endpoint });
    const at = own.type === 'ok' ? revisionIn(scope, own.revision) : revision;
    const isStuck = at < revision;
    return { fingerprint: undefined, reason, ...(isStuck ? { stuckAt: at } : {}) };
  }
}

interface NoAnswer {
  readonly error: string;
  /** Whether asking again is pointless. */
  readonly isFinal: boolean;
}

async function hashOf(
  client: EtcdClient,
  endpoint: number,
  revision: number,
): Promise<string | NoAnswer> {
  const outcome = await client.hashKv(revision, { endpoint });
  if (outcome.type !== 'ok') {
    const { code, error } = outcome;
    return { error: `${code}: ${error}`, isFinal: isMissing(code, error) };
  }
  const { hash, compactRevision } = outcome.value;
  return `revision ${outcome.revision}, hash ${hash}, compacted at ${compactRevision}`;
}

/** Whether a refusal says that there is no such call, in the words that stores have for it. */
function isMissing(code: string, error: string): boolean {
  return code === 'unimplemented' || /not (?:yet )?(?:implemented|supported)/i.test(error);
}

async function rangeOf(
  client: EtcdClient,
  endpoint: number,
  revision: number,
  scope: StoreScope,
): Promise<string | NoAnswer> {
  const outcome = await client.range(
    { ...everythingIn(scope), revision: revisionInStore(scope, revision), serializable: true },
    { endpoint },
  );
  if (outcome.type !== 'ok') return { error: `${outcome.code}: ${outcome.error}`, isFinal: false };
  return outcome.value.kvs
    .map((kv) => `${kv.key.toString('hex')}=${kv.value.toString('hex')}@${kv.modRevision}`)
    .join(';');
}
