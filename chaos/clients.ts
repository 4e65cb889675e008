/**
 * Clients: each performs one operation after the other and records what it asked and what it got.
 *
 * Most are pinned to one member, so that a member that answers wrongly is asked often; every third
 * moves on with each operation, so that what one member said is compared with the next. After an
 * unknown outcome a client goes on as a new process: the old operation may still take effect at
 * any time, and a process has at most one operation open.
 */
import { EtcdClient, OperationClient } from '../src/client';
import type { HistoryRecorder } from '../src/history';
import type { Random } from './random';
import { within, type StoreScope } from './storeScope';
import type { Member, StoreAccess } from './target';
import { pause } from './wait';
import type { Workload } from './workloads';

export interface ClientsOptions {
  readonly members: readonly Member[];
  readonly access?: StoreAccess | undefined;
  /** The name of a member by the id that it puts into its answers. */
  readonly memberNames: ReadonlyMap<bigint, string>;
  readonly workload: Workload;
  readonly scope: StoreScope;
  readonly recorder: HistoryRecorder;
  readonly random: Random;
  readonly clientCount: number;
  /** Mean pause of a client between two operations. */
  readonly pauseMs: number;
  /** When a request counts as unknown. */
  readonly timeoutMs: number;
  /** Called for each operation, before it is sent. */
  readonly onInvoke: () => void;
  /** Ends the clients; each finishes the operation it is in. */
  readonly stop: AbortSignal;
}

/** Pause after a refusal: a member that is down refuses at once, thousands of times a second. */
const refusedPauseMs = 100;
/** Every third client goes round the members. */
const rotatingEvery = 3;

/**
 * Runs all clients until they are stopped; resolves when the last operation has ended.
 * @returns the first process number that none of them used.
 */
export async function runClients(options: ClientsOptions): Promise<number> {
  const running = Array.from({ length: options.clientCount }, (_, client) =>
    runClient(options, client),
  );
  const last = await Promise.all(running);
  return Math.max(...last) + 1;
}

async function runClient(options: ClientsOptions, client: number): Promise<number> {
  const { members, workload, recorder, clientCount, pauseMs, timeoutMs, stop } = options;
  const random = options.random.stream(`client ${client}`);
  const generator = workload.generator({ random: random.stream('work'), client, clientCount });
  const endpoints = members.map(({ clientUrl }) => clientUrl);
  const etcd = new EtcdClient({ endpoints, timeoutMs, ...options.access });
  const memberName = (id: bigint): string | undefined => options.memberNames.get(id);
  const performers = members.map(
    (_, endpoint) =>
      new OperationClient(etcd, {
        ...{ vocabulary: workload.vocabulary, endpoint, memberName },
        ...within(options.scope),
      }),
  );
  const isRotating = client % rotatingEvery === rotatingEvery - 1;
  let process = client;
  try {
    for (let turn = 0; !stop.aborted; turn += 1) {
      const at = (client + (isRotating ? turn : 0)) % members.length;
      const request = generator.next();
      const member = members[at]!.name;
      const id = recorder.invoke({ process, member, ...request });
      options.onInvoke();
      const completion = await performers[at]!.perform(request);
      recorder.complete(id, { member, ...completion });
      generator.observe(request, completion);
      if (completion.type === 'info') process += clientCount;
      const wasRefused = completion.type === 'fail' && completion.error !== undefined;
      await pause(random.around(wasRefused ? refusedPauseMs : pauseMs), stop);
    }
    return process;
  } finally {
    etcd.close();
  }
}
