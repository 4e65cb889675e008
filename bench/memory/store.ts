/**
 * A store under measurement: members as processes, a client of its leader, and the anonymous
 * memory of each member, which the kernel tells.
 */
import { readFileSync } from 'node:fs';
import type { RunningCluster } from '../../chaos/target';
import { etcdProcess } from '../../chaos/targets/etcdProcess';
import { referenceProcess } from '../../chaos/targets/referenceProcess';
import { EtcdClient } from '../../src/client';

export interface StoreOptions {
  readonly target: 'reference' | 'etcd';
  readonly memberCount: number;
  /** More flags for every member. */
  readonly flags?: readonly string[];
  /** Flags for the Node of the reference's members. */
  readonly nodeFlags?: readonly string[];
  /** Where data goes. Default: the system's temporary directory. */
  readonly directory?: string | undefined;
}

const ETCD_FLAGS = ['--quota-backend-bytes', String(8 * 2 ** 30)];

/** Bytes of anonymous memory of a process now: its heaps and buffers, not files it has mapped. */
export function anonymousBytes(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  return 1024 * Number(/^RssAnon:\s+(\d+) kB$/m.exec(status)?.[1] ?? NaN);
}

export class MeasuredStore implements AsyncDisposable {
  private constructor(
    readonly cluster: RunningCluster,
    readonly client: EtcdClient,
    /** The endpoint of the client that leads. */
    readonly leaderEndpoint: number,
  ) {}

  static async start(options: StoreOptions): Promise<MeasuredStore> {
    const { target, memberCount, flags = [], nodeFlags = [], directory } = options;
    // Without proxies between the members: they would be measured along.
    const common = {
      memberCount,
      partitions: false,
      ...(directory !== undefined && { directory }),
    };
    const cluster = await (
      target === 'etcd'
        ? etcdProcess({ ...common, argvExtra: [...ETCD_FLAGS, ...flags] })
        : referenceProcess({ ...common, argvExtra: flags, nodeArgv: nodeFlags })
    ).start();
    const members = cluster.members();
    const leader = await cluster.leader();
    const leaderEndpoint = Math.max(
      0,
      members.findIndex(({ name }) => name === leader),
    );
    const endpoints = members.map(({ clientUrl }) => clientUrl);
    const client = new EtcdClient({ endpoints, timeoutMs: 60_000 });
    return new MeasuredStore(cluster, client, leaderEndpoint);
  }

  /** Of each member that is up. */
  anonymous(): number[] {
    return this.cluster
      .members()
      .flatMap(({ pid }) => (pid === undefined ? [] : anonymousBytes(pid)));
  }

  pidOf(endpoint: number): number {
    const pid = this.cluster.members()[endpoint]?.pid;
    if (pid === undefined) throw new Error(`member ${endpoint} does not run`);
    return pid;
  }

  /** Throws when a member ended by itself: no figure is worth anything then. */
  assertUp(): void {
    const [exit] = this.cluster.unexpectedExits();
    if (exit !== undefined) throw new Error(`${exit.member} ended: ${exit.logTail}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.client.close();
    await this.cluster[Symbol.asyncDispose]();
  }
}

/** The answer, or an error that says what the store said instead. */
export async function answered<T extends { readonly type: string }>(
  request: Promise<T>,
): Promise<Extract<T, { readonly type: 'ok' }>> {
  const outcome = await request;
  if (outcome.type === 'ok') return outcome as Extract<T, { readonly type: 'ok' }>;
  throw new Error(`the store answered ${JSON.stringify(outcome)}`);
}

/** Runs `count` jobs, `width` of them at a time. */
export async function inParallel(
  count: number,
  width: number,
  job: (index: number) => Promise<void>,
): Promise<void> {
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < count) await job(next++);
  };
  await Promise.all(Array.from({ length: Math.min(width, count) }, worker));
}
