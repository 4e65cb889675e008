/**
 * What a member tells about itself to dashboards and probes: counts what passes, and reads the
 * rest off its parts when it is asked.
 */
import type { KvEvent, WatchHub } from '../kv';
import type { NodeId } from '../raft/types';
import type { LogStore } from '../storage/logStore';
import type { TcpTransport } from '../transport/tcpTransport';
import type { Driver } from './driver';
import { httpEndpoints, type EndpointSource } from './metrics/httpEndpoints';
import { MemberMetrics } from './metrics/memberMetrics';
import type { MemberReadings } from './metrics/readings';
import { CallCounts, type Backend } from './services';

export interface TelemetryParts {
  readonly driver: Driver;
  readonly backend: Backend;
  readonly log: LogStore;
  readonly transport: TcpTransport;
  readonly watches: WatchHub;
}

export class MemberTelemetry {
  readonly calls = new CallCounts();
  private metrics: MemberMetrics | undefined;
  private leader: NodeId = 0;
  private changes = 0;
  private puts = 0;
  private deletes = 0;

  constructor(private readonly wallMs: () => number) {}

  /** From here on there is something to tell. The listener serves the endpoints. */
  serve(parts: TelemetryParts): ReturnType<typeof httpEndpoints> {
    const metrics = new MemberMetrics(() => this.read(parts), this.wallMs);
    this.metrics = metrics;
    return httpEndpoints(endpointSource(parts.backend, metrics));
  }

  leaderChanged(leader: NodeId): void {
    if (leader !== 0 && leader !== this.leader) this.changes++;
    this.leader = leader;
  }

  /** How often a leader was seen that was not the one before. */
  get leadersSeen(): number {
    return this.changes;
  }

  applied(events: readonly KvEvent[]): void {
    for (const { type } of events) {
      if (type === 'put') this.puts++;
      else this.deletes++;
    }
  }

  synced(durationMs: number): void {
    this.metrics?.synced(durationMs);
  }

  private read({ driver, backend, log, transport, watches }: TelemetryParts): MemberReadings {
    const status = backend.status();
    const { role, commitIndex, appliedIndex } = driver.status();
    const { machine } = driver;
    const load = driver.load();
    return {
      id: backend.memberId,
      version: status.version,
      hasLeader: status.leader !== 0n,
      isLeader: role === 'leader',
      isLearner: status.isLearner,
      leaderChanges: this.changes,
      committedIndex: commitIndex,
      appliedIndex,
      proposalsPending: load.proposalsPending,
      proposalsFailed: load.proposalsFailed,
      revision: machine.revision,
      compactedRevision: machine.compactedRevision,
      stateBytes: status.dbSize,
      stateBytesInUse: status.dbSizeInUse,
      keys: machine.keyCount,
      puts: this.puts,
      deletes: this.deletes,
      walBytesWritten: log.bytesWritten,
      logBytesOnDisk: log.bytes,
      logFirstIndex: log.firstIndex(),
      watchers: watches.watcherCount,
      slowWatchers: watches.behindCount,
      watchStreams: watches.streamCount,
      isInstalling: load.isInstalling,
      memory: {
        state: { bytes: machine.bytes },
        log: { bytes: log.cachedBytes, limit: log.cacheBytesMax },
        inflight: {
          bytes: load.inflightBytes + transport.queuedBytes,
          limit: load.inflightBytesMax + transport.queuedBytesMax,
        },
        watch: { bytes: watches.waitingBytes + watches.sendingBytes, limit: watches.totalBytesMax },
      },
      peers: transport.traffic().map((traffic) => {
        const { sent, failed, sending } = driver.snapshotsTo(traffic.id);
        return {
          ...traffic,
          snapshotsSent: sent,
          snapshotsFailed: failed,
          snapshotsSending: Number(sending),
        };
      }),
      calls: this.calls.read(),
    };
  }
}

/** Any key will do: none is a key of nobody's. */
const HEALTH_KEY = {
  key: 'health',
  rangeEnd: '',
  limit: 1,
  revision: 0,
  sortOrder: 'none',
  sortTarget: 'key',
  keysOnly: true,
  countOnly: false,
  minModRevision: 0,
  maxModRevision: 0,
  minCreateRevision: 0,
  maxCreateRevision: 0,
} as const;

/** What probes may ask of a backend. */
export function endpointSource(
  backend: Backend,
  metrics: Pick<MemberMetrics, 'contentType' | 'text' | 'healthAnswered'>,
): EndpointSource {
  return {
    version: backend.status().version,
    alarms: () => backend.alarmNames?.() ?? [],
    hasLeader: () => backend.hasLeader,
    isLearner: () => backend.isLearner,
    read: async (serializable) => {
      if (!serializable) await backend.linearizableRead();
      await backend.view.range(HEALTH_KEY);
    },
    metrics: async () => ({ contentType: metrics.contentType, text: await metrics.text() }),
    healthAnswered: (isHealthy) => metrics.healthAnswered(isHealthy),
  };
}
