/**
 * A real member: the driver on a real disk, network and clock, with the etcd v3 API in front.
 *
 * Start order: identity and lock of the data directory, log recovery, state recovery, then the
 * peer port, then the client port: a member that can be reached is a member that can work.
 */
import { WatchHub } from '../kv';
import { NodeRuntime } from '../runtime/nodeRuntime';
import { FileDisk } from '../storage/fileDisk';
import { LogStore } from '../storage/logStore';
import { SnapshotStore } from '../storage/snapshotStore';
import { TcpTransport } from '../transport/tcpTransport';
import { ConfigError, type ClusterConfig, type HostPort } from './clusterConfig';
import { openDataDirectory, type DataDirectory } from './dataDirectory';
import { Driver } from './driver';
import type { DriverOptions } from './driverOptions';
import type { Logger } from './logger';
import { MemberBackend } from './memberBackend';
import { openMemberState, type MemberState, type StateBackend } from './memberState';
import { MemberTelemetry } from './memberTelemetry';
import { MetricsListeners } from './metrics/metricsListeners';
import { startGrpcServer, type RunningGrpcServer } from './services';

export interface MemberConfig {
  readonly cluster: ClusterConfig;
  readonly dataDir: string;
  readonly clientListen: HostPort;
  readonly clientUrl: string;
  readonly peerListen: HostPort;
  /** More places where `/metrics` and `/health` are answered; the client port always does. */
  readonly metricsListen?: readonly HostPort[];
  /** False: join a cluster that runs, with an empty log. */
  readonly newCluster: boolean;
  /** Default 1.5 MiB, as etcd. */
  readonly maxRequestBytes: number;
  /** Default 128, as etcd. */
  readonly maxTxnOps: number;
  /** Where the state lives. Default lmdb, memory where that does not load. */
  readonly backend?: StateBackend;
  readonly driver: Omit<DriverOptions, 'id'>;
}

export class Member {
  /** Settles when the member can't go on; the error is logged already. */
  readonly failed: Promise<unknown>;
  private server: RunningGrpcServer | undefined;
  private metricsListeners: MetricsListeners | undefined;

  private constructor(
    private readonly directory: DataDirectory,
    private readonly state: MemberState,
    private readonly log: LogStore,
    private readonly snapshots: SnapshotStore,
    private readonly transport: TcpTransport,
    readonly driver: Driver,
    private readonly watches: WatchHub,
    private readonly telemetry: MemberTelemetry,
    private readonly logger: Logger,
    failed: Promise<unknown>,
  ) {
    this.failed = failed;
  }

  /** Throws ConfigError for what the user can mend (a port in use, another member's data). */
  static async start(config: MemberConfig, parentLogger: Logger): Promise<Member> {
    const { cluster } = config;
    const logger = parentLogger.with({ member: cluster.self.name });
    const directory = openDataDirectory(config.dataDir, cluster);
    let member: Member | undefined;
    // The state can fail before there is a driver to tell; then the start fails.
    let failed = (error: Error): void => logger.error('the state failed', { error: error.message });
    try {
      const state = await openMemberState(
        directory.state,
        config.backend ?? 'lmdb',
        logger,
        (error) => failed(error),
      );
      member = Member.assemble(config, directory, logger, state);
      failed = (error) => member?.driver.fail(error);
      await asConfigError('--listen-peer-urls', member.transport.start());
      member.driver.start();
      const { driver, log, transport, watches, telemetry } = member;
      const backend = new MemberBackend(driver, watches, config);
      const http = telemetry.serve({ driver, backend, log, transport, watches });
      member.server = await asConfigError(
        '--listen-client-urls',
        startGrpcServer(backend, {
          ...config.clientListen,
          maxRequestBytes: config.maxRequestBytes,
          maxTxnOps: config.maxTxnOps,
          calls: telemetry.calls,
          http,
        }),
      );
      member.metricsListeners = await asConfigError(
        '--listen-metrics-urls',
        MetricsListeners.open(config.metricsListen ?? [], http),
      );
    } catch (error) {
      if (member === undefined) directory.release();
      else await member.close();
      throw error;
    }
    logger.info('serving', {
      cluster: cluster.clusterId,
      clientUrl: config.clientUrl,
      peerUrl: cluster.self.peerUrl,
      members: cluster.members.map(({ name }) => name),
      ...member.driver.status(),
    });
    return member;
  }

  async close(): Promise<void> {
    this.metricsListeners?.close();
    await this.server?.close();
    this.driver.stop();
    this.transport.close();
    await this.transport.closed();
    this.log.close();
    this.snapshots.close();
    await this.state.close();
    this.directory.release();
    this.logger.info('stopped');
  }

  private static assemble(
    config: MemberConfig,
    directory: DataDirectory,
    logger: Logger,
    state: MemberState,
  ): Member {
    const { cluster } = config;
    const { self, members } = cluster;
    const disk = new FileDisk();
    const runtime = new NodeRuntime();
    const voters = members.map(({ id }) => id);
    const conf = {
      voters,
      learners: [],
      votersOutgoing: [],
      learnersNext: [],
      autoLeave: false,
    };
    const log = LogStore.open(disk, directory.wal, config.newCluster ? { bootstrap: conf } : {});
    const snapshots = SnapshotStore.open(disk, directory.snapshots, {
      onDamage: (error) => logger.error('damaged snapshot', { error: error.message }),
    });
    const transport = new TcpTransport({
      runtime,
      clusterId: String(cluster.clusterId),
      id: self.id,
      listen: config.peerListen,
      peers: members.filter(({ id }) => id !== self.id),
      log: (level, text) => logger[level](text),
    });
    const names = new Map(members.map(({ id, name }) => [id, name]));
    const { machine } = state;
    const watches = new WatchHub(machine, { fragmentBytes: config.maxRequestBytes });
    const telemetry = new MemberTelemetry(() => runtime.wallMs());
    let settle: (error: unknown) => void = () => undefined;
    const failed = new Promise<unknown>((resolve) => (settle = resolve));
    const driver = new Driver({
      options: { ...config.driver, id: self.id },
      log,
      snapshots,
      machine,
      transport,
      runtime,
      hooks: {
        leaderChanged: ({ leader, role }, term) => {
          telemetry.leaderChanged(leader);
          logger.info('leader changed', { leader: names.get(leader) ?? 'none', role, term });
        },
        synced: (durationMs) => telemetry.synced(durationMs),
        applied: (_, outcome) => {
          if (outcome === undefined || outcome.events.length === 0) return;
          telemetry.applied(outcome.events);
          watches.publish(outcome.revision, outcome.events);
        },
        installed: (index) => {
          watches.restored();
          logger.info('installed a snapshot', { index });
        },
        failed: (error) => {
          const text = error instanceof Error ? error.message : String(error);
          logger.error('the member failed and stops', { error: text });
          settle(error);
        },
      },
    });
    // What the newest snapshot brought back was applied by nobody.
    watches.restored();
    const parts = [directory, state, log, snapshots, transport, driver, watches] as const;
    return new Member(...parts, telemetry, logger, failed);
  }
}

async function asConfigError<T>(flag: string, started: Promise<T>): Promise<T> {
  try {
    return await started;
  } catch (error) {
    throw new ConfigError(`${flag}: ${(error as Error).message}`);
  }
}
