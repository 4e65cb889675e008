/**
 * A real member: the driver on a real disk, network and clock, with the etcd v3 API in front.
 *
 * Start order: identity and lock of the data directory, log recovery, state recovery, then the
 * peer port, then the client port: a member that can be reached is a member that can work.
 */
import { collectGarbage } from '../runtime/collectGarbage';
import type { PeerTls } from '../transport/peerSockets';
import { AutoCompactor, type AutoCompaction } from './autoCompactor';
import { ConfigError, type ClusterConfig, type HostPort } from './clusterConfig';
import { CorruptionMonitor, HASH_METHOD } from './corruptionMonitor';
import { openDataDirectory } from './dataDirectory';
import type { Driver } from './driver';
import type { DriverOptions } from './driverOptions';
import { IdleTrim } from './idleTrim';
import { initialCorruptCheck } from './initialCorruptCheck';
import type { Logger } from './logger';
import { MemberBackend } from './memberBackend';
import { assemble, type MemberEnd, type MemberParts } from './memberParts';
import type { StateBackend } from './memberState';
import { hashAnswer } from './peerHash';
import { MembershipOperations } from './membershipOperations';
import { quotaBytes } from './quota';
import { MetricsListeners } from './metrics/metricsListeners';
import { startGrpcServer, type ClientTls, type RunningGrpcServer } from './services';
import { successorOf } from './successor';

export interface MemberConfig {
  readonly cluster: ClusterConfig;
  readonly dataDir: string;
  /** Where clients are served, at least one place. */
  readonly clientListen: readonly HostPort[];
  /** What this member tells the cluster, and so the clients. */
  readonly clientUrls: readonly string[];
  /** Where other members are accepted, at least one place. */
  readonly peerListen: readonly HostPort[];
  /** More places where `/metrics` and `/health` are answered; the client port always does. */
  readonly metricsListen?: readonly HostPort[];
  /** Certificates for clients; needed when they are served with TLS. */
  readonly clientTls?: ClientTls | undefined;
  /** Certificates for connections between members, if any of them uses TLS. */
  readonly peerTls?: PeerTls | undefined;
  /** False: join a cluster that runs, in which this member was added before. */
  readonly newCluster: boolean;
  /** The largest state, in bytes. Default and 0: 2 GiB; less than 0: no limit; as etcd. */
  readonly quotaBackendBytes?: number | undefined;
  /** Refuses changes of the membership that endanger the quorum. Default true, as etcd. */
  readonly strictReconfigCheck?: boolean | undefined;
  /** Compacts by itself. Default: nobody does but the clients. */
  readonly autoCompaction?: AutoCompaction | undefined;
  /** Before it takes part, reads the state through and compares it with others. Default false. */
  readonly initialCorruptCheck?: boolean | undefined;
  /** Does so every so often as well. Default and 0: never. */
  readonly corruptCheckMs?: number | undefined;
  /** A connection to a member is taken for healthy after this time. Default 5 s, as etcd. */
  readonly healthyAfterMs?: number | undefined;
  /** Default 1.5 MiB, as etcd. */
  readonly maxRequestBytes: number;
  /** Default 128, as etcd. */
  readonly maxTxnOps: number;
  /** Where the state lives. Default lmdb, memory where that does not load. */
  readonly backend?: StateBackend;
  readonly driver: Omit<DriverOptions, 'id'>;
}

export class Member {
  readonly driver: Driver;
  /** Settles when the member can't go on; the reason is logged already. */
  readonly ended: Promise<MemberEnd>;
  private server: RunningGrpcServer | undefined;
  private backend: MemberBackend | undefined;
  private metricsListeners: MetricsListeners | undefined;
  private autoCompactor: AutoCompactor | undefined;
  private corruption: CorruptionMonitor | undefined;
  private idleTrim: IdleTrim | undefined;

  private constructor(private readonly parts: MemberParts) {
    this.driver = parts.driver;
    this.ended = parts.ended;
  }

  /** Throws ConfigError for what the user can mend (a port in use, another member's data). */
  static async start(config: MemberConfig, parentLogger: Logger): Promise<Member> {
    const { self, token } = config.cluster;
    const logger = parentLogger.with({ member: self.name });
    const directory = openDataDirectory(config.dataDir, { name: self.name, token });
    let member: Member | undefined;
    try {
      member = new Member(await assemble(config, directory, logger));
      await member.serve(config);
    } catch (error) {
      if (member === undefined) directory.release();
      else await member.close();
      throw error;
    }
    return member;
  }

  /**
   * Gives leadership away, so that the others do not have to wait for an election: before `close`.
   * Does nothing where nobody could take it.
   */
  handOver(): Promise<void> {
    const { driver } = this;
    const { node } = driver;
    const successor = node.role === 'leader' ? successorOf(node) : undefined;
    if (successor === undefined || node.progressOf(successor)?.recentActive !== true) {
      return Promise.resolve();
    }
    return new Promise((resolve) => {
      // When the others are being stopped as well there is nobody to wait for.
      this.parts.runtime.after(HAND_OVER_MS, resolve);
      driver.transferLeader(successor, (outcome) => {
        const { logger } = this.parts;
        if (outcome === undefined) logger.info('handed leadership over');
        else logger.warn('could not hand leadership over', { error: outcome.message });
        resolve();
      });
    });
  }

  async close(): Promise<void> {
    const { publisher, transport, log, snapshots, state, directory, logger } = this.parts;
    this.autoCompactor?.stop();
    this.corruption?.stop();
    this.idleTrim?.stop();
    this.metricsListeners?.close();
    publisher.stop();
    this.backend?.stop();
    await this.server?.close();
    this.driver.stop();
    transport.close();
    await transport.closed();
    log.close();
    snapshots.close();
    await state.close();
    directory.release();
    logger.info('stopped');
  }

  private async serve(config: MemberConfig): Promise<void> {
    const { driver, log, snapshots, state, transport, watches, telemetry } = this.parts;
    const { publisher, identity, logger } = this.parts;
    const { clusterId, memberId } = identity;
    if (config.initialCorruptCheck === true) {
      const { machine } = driver;
      await initialCorruptCheck({ machine, self: memberId, tls: config.peerTls, logger });
    }
    await asConfigError('--listen-peer-urls', transport.start());
    driver.calls.handle(HASH_METHOD, (revision) => hashAnswer(driver.machine, revision));
    driver.start();
    publisher.check();
    this.idleTrim = this.trimWhenIdle();
    if (config.autoCompaction !== undefined) this.compactBy(config.autoCompaction);
    const { corruptCheckMs = 0 } = config;
    if (corruptCheckMs > 0) this.corruption = this.monitorEvery(corruptCheckMs);
    const membership = new MembershipOperations({
      driver,
      clusterId,
      self: memberId,
      connectedForMs: (id) => transport.connectedForMs(id),
      wallMs: () => Date.now(),
      strictReconfigCheck: config.strictReconfigCheck ?? true,
      healthyAfterMs: config.healthyAfterMs ?? 5_000,
    });
    const backend = (this.backend = new MemberBackend(driver, watches, {
      clusterId,
      memberId,
      membership,
      defer: (run) => void setImmediate(run),
      snapshots,
      diskBytes: state.diskBytes,
      quotaBytes: quotaBytes(config.quotaBackendBytes ?? 0),
    }));
    const http = telemetry.serve({ driver, backend, log, transport, watches });
    const [first, ...alsoListen] = config.clientListen.map(({ host, port, tls }) => ({
      host,
      port,
      tls: tls ? config.clientTls : undefined,
    }));
    this.server = await asConfigError(
      '--listen-client-urls',
      startGrpcServer(backend, {
        ...first!,
        alsoListen,
        maxRequestBytes: config.maxRequestBytes,
        maxTxnOps: config.maxTxnOps,
        calls: telemetry.calls,
        http,
      }),
    );
    this.metricsListeners = await asConfigError(
      '--listen-metrics-urls',
      MetricsListeners.open(config.metricsListen ?? [], http),
    );
    logger.info('serving', {
      cluster: clusterId.toString(16),
      memberId: memberId.toString(16),
      clientUrls: config.clientUrls,
      peerUrls: config.cluster.self.peerUrls,
      members: driver.machine.cluster.members.map(({ name, peerUrls }) => name || peerUrls[0]),
      ...driver.status(),
    });
  }

  private monitorEvery(intervalMs: number): CorruptionMonitor {
    const { driver } = this;
    return new CorruptionMonitor({
      runtime: this.parts.runtime,
      intervalMs,
      self: this.parts.identity.memberId,
      machine: driver.machine,
      isLeader: () => driver.node.role === 'leader',
      ask: (to, revision, done) => driver.calls.call(to, HASH_METHOD, revision, done),
      readBarrier: (done) => driver.readBarrier(done),
      propose: (command) => driver.propose(command, () => undefined),
      logger: this.parts.logger,
    });
  }

  private trimWhenIdle(): IdleTrim {
    const { log, runtime } = this.parts;
    return new IdleTrim({
      runtime,
      quietMs: IDLE_MS,
      bytesWritten: () => log.bytesWritten,
      trim: () => {
        log.forgetCached();
        collectGarbage();
      },
    });
  }

  private compactBy(settings: AutoCompaction): void {
    const { driver } = this;
    this.autoCompactor = new AutoCompactor({
      runtime: this.parts.runtime,
      settings,
      isLeader: () => driver.node.role === 'leader',
      revision: () => driver.machine.revision,
      propose: (command, done) => driver.propose(command, done),
      compacted: (revision) => this.parts.logger.info('compacted', { revision, ...settings }),
    });
  }
}

/** Without a load for so long a member gives back what it does not need. */
const IDLE_MS = 5_000;
/** Two election timeouts with the default settings. */
const HAND_OVER_MS = 2_000;

async function asConfigError<T>(flag: string, started: Promise<T>): Promise<T> {
  try {
    return await started;
  } catch (error) {
    throw new ConfigError(`${flag}: ${(error as Error).message}`);
  }
}
