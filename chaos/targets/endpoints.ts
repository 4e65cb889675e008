/**
 * A store that already runs somewhere. Nothing can be done to its processes, so scenarios with
 * faults are skipped; workloads and checkers work as with any other target. Disposing of it only
 * closes connections: the store belongs to somebody else.
 */
import { EtcdClient, type TlsOptions } from '../../src/client';
import { MemberProbe } from '../memberProbe';
import {
  capabilities,
  TargetError,
  type Capability,
  type Cluster,
  type ClusterDescription,
  type Member,
  type RunningCluster,
  type StoreAccess,
} from '../target';
import { WaitTimeout, waitFor } from '../wait';
import { leaderAmong } from './leader';

export interface EndpointsOptions {
  /** `http://host:port` or `host:port` of each member. */
  readonly urls: readonly string[];
  /** What to trust and what to show; default: the roots of Node, for `https` only. */
  readonly tls?: TlsOptions;
  readonly user?: { readonly name: string; readonly password: string };
  /** How long all endpoints together may take to answer. Default 10 000 ms. */
  readonly readyLimitMs?: number;
}

const runBySomebodyElse = 'the members are run by somebody else';
const everything = Object.keys(capabilities) as Capability[];

/** A cluster known by its endpoints only. */
export function endpoints(options: EndpointsOptions): Cluster {
  const members = options.urls.map((url, i): Member => {
    const clientUrl = url.includes('://') ? url : `http://${url}`;
    return { name: `m${i + 1}`, clientUrl, pid: undefined, state: 'running' };
  });
  if (members.length === 0) throw new TargetError('noSuchMember', 'no endpoints were given');
  const how = members.map(({ clientUrl }) => clientUrl).join(', ');
  const description = { target: 'endpoints', how, memberCount: members.length };
  const missing = new Map(everything.map((one) => [one, runBySomebodyElse] as const));
  const start = async (signal?: AbortSignal): Promise<RunningCluster> => {
    let running: RunningEndpoints | undefined;
    try {
      await waitFor(
        async () => {
          const access = await accessOf(options, members[0]!.clientUrl);
          running ??= new RunningEndpoints(description, members, access);
          for (const { name } of members) await running.status(name);
          return true;
        },
        {
          ...{ what: `${how} to answer`, limitMs: options.readyLimitMs ?? readyLimitMs, signal },
          isFinal: (error) => error instanceof TargetError,
        },
      );
      await running!.assertOpen();
      return running!;
    } catch (error) {
      await running?.[Symbol.asyncDispose]();
      if (!(error instanceof WaitTimeout)) throw error;
      const cause = error.cause instanceof Error ? error.cause.message : '';
      const hint = hintFor(cause);
      const message = [error.message, cause.replace(/ Resolution note: $/, ''), hint]
        .filter((part) => part !== '')
        .join(': ');
      throw new TargetError('notReady', message, { cause: error });
    }
  };
  return { description, capabilities: new Set<never>(), missing, start };
}

const readyLimitMs = 10_000;

/** What lets clients in; a refused password is final. */
async function accessOf({ tls, user }: EndpointsOptions, endpoint: string): Promise<StoreAccess> {
  const access = tls === undefined ? {} : { tls };
  if (user === undefined) return access;
  const client = new EtcdClient({ endpoints: [endpoint], ...access });
  try {
    const outcome = await client.authenticate(user);
    if (outcome.type === 'ok') return { ...access, token: outcome.value };
    const message = `user ${user.name} at ${endpoint}: ${outcome.code}: ${outcome.error}`;
    if (/^(?:unavailable|deadlineExceeded)$/.test(outcome.code)) throw new Error(message);
    throw new TargetError('notReady', message);
  } finally {
    client.close();
  }
}

/** What is behind the errors that people meet first. */
const hints: readonly (readonly [RegExp, string])[] = [
  [/self-signed|unable to (?:get|verify)/, 'name the CA to trust with --cacert'],
  [/certificate has expired|altnames/, 'its certificate does not hold for this address and time'],
  [
    /alert (?:number|certificate|bad)|certificate required/,
    'it asks clients for a certificate: --cert and --key',
  ],
  [/before secure TLS|wrong version number/, 'it speaks no TLS; try http://'],
  [/Protocol error|RST_STREAM|Received HTTP|larger than max/, 'this is no gRPC server'],
  [/Failed to connect|socket hang up|ECONNRESET/, 'it may want TLS; try https://'],
];

function hintFor(error: string): string {
  return hints.find(([pattern]) => pattern.test(error))?.[1] ?? '';
}

class RunningEndpoints implements RunningCluster {
  readonly capabilities = new Set<never>();
  private readonly probes: ReadonlyMap<string, MemberProbe>;

  constructor(
    readonly description: ClusterDescription,
    private readonly views: readonly Member[],
    readonly access: StoreAccess,
  ) {
    this.probes = new Map(
      views.map(({ name, clientUrl }) => [name, new MemberProbe(clientUrl, access)]),
    );
  }

  members(): readonly Member[] {
    return this.views;
  }

  unexpectedExits(): readonly never[] {
    return [];
  }

  status(name: string, timeoutMs?: number): ReturnType<MemberProbe['status']> {
    const probe = this.probes.get(name);
    if (probe) return probe.status(timeoutMs);
    return Promise.reject(new TargetError('noSuchMember', `there is no member called ${name}`));
  }

  /** Whether clients may read at all: where none may, there is nothing to verify. */
  async assertOpen(): Promise<void> {
    for (const [name, probe] of this.probes) {
      const refusal = await probe.refusal();
      if (refusal === undefined) continue;
      const why = `lets nobody in who does not say who he is: ${refusal}`;
      throw new TargetError('notReady', `${name} (${this.description.how}) ${why}`);
    }
  }

  leader(timeoutMs?: number): Promise<string | undefined> {
    return leaderAmong(this, timeoutMs);
  }

  log(): undefined {
    return undefined;
  }

  kill = notCapable('kill');
  stop = notCapable('stop');
  start = notCapable('start');
  pause = notCapable('pause');
  resume = notCapable('resume');
  cut = notCapable('cut');
  shape = notCapable('slow down');
  breakConnections = notCapable('break the connections of');
  mendAll = notCapable('mend');
  limit = notCapable('limit');
  setClock = notCapable('move the clock of');
  wipe = notCapable('wipe');
  startAnew = notCapable('start');

  disk(): never {
    throw new TargetError('notCapable', `${this.description.how}: ${runBySomebodyElse}`);
  }

  allowExit(): void {
    // Whether a member of somebody else ends is not noticed here.
  }

  peerUrl(): never {
    throw new TargetError('notCapable', `${this.description.how} are known to clients only`);
  }

  [Symbol.asyncDispose](): Promise<void> {
    for (const probe of this.probes.values()) probe.close();
    return Promise.resolve();
  }
}

function notCapable(doing: string): () => Promise<never> {
  return () =>
    Promise.reject(
      new TargetError('notCapable', `cannot ${doing} a member that is only known by its endpoint`),
    );
}
