/**
 * A store that already runs somewhere. Nothing can be done to its processes, so scenarios with
 * faults are skipped; workloads and checkers work as with any other target. Disposing of it only
 * closes connections: the store belongs to somebody else.
 */
import { MemberProbe } from '../memberProbe';
import {
  capabilities,
  TargetError,
  type Capability,
  type Cluster,
  type ClusterDescription,
  type Member,
  type RunningCluster,
} from '../target';
import { WaitTimeout, waitFor } from '../wait';
import { leaderAmong } from './leader';

export interface EndpointsOptions {
  /** `http://host:port` or `host:port` of each member. */
  readonly urls: readonly string[];
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
    const running = new RunningEndpoints(description, members);
    try {
      await waitFor(
        async () => {
          await Promise.all(members.map(({ name }) => running.status(name)));
          return true;
        },
        { what: `${how} to answer`, limitMs: options.readyLimitMs ?? 10_000, signal },
      );
      return running;
    } catch (error) {
      await running[Symbol.asyncDispose]();
      if (!(error instanceof WaitTimeout)) throw error;
      const reason = error.cause instanceof Error ? `: ${error.cause.message}` : '';
      throw new TargetError('notReady', `${error.message}${reason}`, { cause: error });
    }
  };
  return { description, capabilities: new Set<never>(), missing, start };
}

class RunningEndpoints implements RunningCluster {
  readonly capabilities = new Set<never>();
  private readonly probes: ReadonlyMap<string, MemberProbe>;

  constructor(
    readonly description: ClusterDescription,
    private readonly views: readonly Member[],
  ) {
    this.probes = new Map(views.map(({ name, clientUrl }) => [name, new MemberProbe(clientUrl)]));
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
