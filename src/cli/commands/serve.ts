/**
 * `crucible serve`: runs one member of the reference Raft KV until it is told to stop.
 *
 * Flags have etcd's names wherever etcd has one, so that whatever starts an etcd can start this.
 */
import { logVerbosity, setLogVerbosity } from '@grpc/grpc-js';
import { Command, InvalidArgumentError, Option } from 'commander';
import { paceCollector } from '../../runtime/collectorPace';
import {
  parseAutoCompaction,
  parseDuration,
  type AutoCompaction,
} from '../../server/autoCompactor';
import { ConfigError, parseCluster, parseUrls } from '../../server/clusterConfig';
import { CorruptStateError } from '../../server/initialCorruptCheck';
import { Logger, type LogLevel } from '../../server/logger';
import { RemovedMemberError } from '../../server/dataDirectory';
import { Member, type MemberConfig } from '../../server/member';
import type { StateBackend } from '../../server/memberState';
import type { MemberEnd } from '../../server/memberParts';
import { EXIT } from '../exitCodes';
import { addSecurityOptions, clientTls, peerTls, type SecurityOptions } from '../serveSecurity';
import { UsageError } from '../usageError';

interface ServeOptions extends SecurityOptions {
  readonly name: string;
  readonly dataDir?: string;
  readonly listenClientUrls: string;
  readonly advertiseClientUrls?: string;
  readonly listenPeerUrls: string;
  readonly initialAdvertisePeerUrls?: string;
  readonly listenMetricsUrls?: string;
  readonly initialCluster?: string;
  readonly initialClusterState: 'new' | 'existing';
  readonly initialClusterToken: string;
  readonly heartbeatInterval: number;
  readonly electionTimeout: number;
  readonly snapshotCount: number;
  readonly snapshotCatchupEntries: number;
  readonly snapshotCatchupBytes: number;
  readonly backend: StateBackend;
  readonly maxRequestBytes: number;
  readonly maxTxnOps: number;
  readonly quotaBackendBytes: number;
  readonly strictReconfigCheck: boolean;
  readonly experimentalInitialCorruptCheck: boolean;
  readonly experimentalCorruptCheckTime: number;
  readonly autoCompactionMode: 'periodic' | 'revision';
  readonly autoCompactionRetention: string;
  readonly logLevel: LogLevel;
}

const EXAMPLE = `
Three members on one machine, each in a terminal of its own:

  PEERS=n1=http://127.0.0.1:12380,n2=http://127.0.0.1:22380,n3=http://127.0.0.1:32380
  crucible serve --name n1 --initial-cluster $PEERS \\
    --listen-peer-urls http://127.0.0.1:12380 --listen-client-urls http://127.0.0.1:12379
  crucible serve --name n2 --initial-cluster $PEERS \\
    --listen-peer-urls http://127.0.0.1:22380 --listen-client-urls http://127.0.0.1:22379
  crucible serve --name n3 --initial-cluster $PEERS \\
    --listen-peer-urls http://127.0.0.1:32380 --listen-client-urls http://127.0.0.1:32379

Then any etcd client works:

  etcdctl --endpoints 127.0.0.1:12379 put greeting hello

A fourth member joins the running cluster after it was added:

  etcdctl --endpoints 127.0.0.1:12379 member add n4 --peer-urls http://127.0.0.1:42380
  crucible serve --name n4 --initial-cluster $PEERS,n4=http://127.0.0.1:42380 \\
    --initial-cluster-state existing \\
    --listen-peer-urls http://127.0.0.1:42380 --listen-client-urls http://127.0.0.1:42379

On Linux, so that memory goes back to the system when a load is over:

  MALLOC_MMAP_THRESHOLD_=32768 MALLOC_TRIM_THRESHOLD_=65536 crucible serve ...

Exit codes: 0 stopped by a signal (leadership was handed over first), 1 the member failed,
3 it was removed from the cluster and must not be started again, 64 bad flags.`;

export function serveCommand(): Command {
  const command = new Command('serve')
    .description('run a member of the reference Raft KV')
    .option('--name <name>', 'name of this member', 'default')
    .option('--data-dir <dir>', 'where log and snapshots live (default: "<name>.crucible")')
    .option('--listen-client-urls <urls>', 'where clients connect', 'http://127.0.0.1:2379')
    .option('--advertise-client-urls <url>', 'what members tell clients (default: as listened)')
    .option('--listen-peer-urls <urls>', 'where other members connect', 'http://127.0.0.1:2380')
    .option('--initial-advertise-peer-urls <url>', 'this member as others reach it')
    .option(
      '--listen-metrics-urls <urls>',
      'more places for /metrics and /health, which the client URL answers anyhow',
    )
    .option(
      '--initial-cluster <list>',
      'name=peerUrl,..., a name once for each of its URLs (default: this member alone)',
    )
    .addOption(
      new Option('--initial-cluster-state <state>', 'a cluster that starts, or one that runs')
        .choices(['new', 'existing'])
        .default('new'),
    )
    .option('--initial-cluster-token <token>', 'tells clusters apart', 'crucible-cluster')
    .option('--heartbeat-interval <ms>', 'between heartbeats of a leader', positive, 100)
    .option('--election-timeout <ms>', 'without a leader before an election', positive, 1000)
    .option('--snapshot-count <n>', 'applied entries between snapshots', positive, 10_000)
    .option('--snapshot-catchup-entries <n>', 'entries kept for slow followers', positive, 5_000)
    .option(
      '--snapshot-catchup-bytes <n>',
      'most bytes of log kept on disk for slow followers',
      positive,
      256 * 1024 * 1024,
    )
    .addOption(
      new Option('--backend <kind>', 'where the state lives: on disk, or in memory as a whole')
        .choices(['lmdb', 'memory'])
        .default('lmdb'),
    )
    .option('--max-request-bytes <n>', 'largest request of a client', positive, 1_572_864)
    .option('--max-txn-ops <n>', 'most operations in a transaction', positive, 128)
    .option('--quota-backend-bytes <n>', 'largest state; 0: 2 GiB, -1: no limit', whole, 0)
    .option(
      '--strict-reconfig-check [bool]',
      'refuse changes of the membership that endanger the quorum',
      bool,
      true,
    )
    .option(
      '--experimental-initial-corrupt-check [bool]',
      'compare the state with the other members before taking part',
      bool,
      false,
    )
    .option(
      '--experimental-corrupt-check-time <duration>',
      'between checks of the state and of all members, such as 1h; 0: never',
      duration,
      0,
    )
    .addOption(
      new Option('--auto-compaction-mode <mode>', 'what the retention counts')
        .choices(['periodic', 'revision'])
        .default('periodic'),
    )
    .option(
      '--auto-compaction-retention <n>',
      'revisions to keep, or time (hours, or 30m); 0: compact only when asked',
      '0',
    )
    .addOption(
      new Option('--log-level <level>', 'least severe message that is logged')
        .choices(['debug', 'info', 'warn', 'error'])
        .default('info'),
    )
    .addHelpText('after', EXAMPLE)
    .action(async (options: ServeOptions) => serve(options));
  return addSecurityOptions(command);
}

function whole(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value)) throw new InvalidArgumentError('It must be a whole number.');
  return value;
}

function bool(text: string): boolean {
  if (text !== 'true' && text !== 'false') {
    throw new InvalidArgumentError('It must be true or false.');
  }
  return text === 'true';
}

function duration(text: string): number {
  const ms = text === '0' ? 0 : parseDuration(text);
  if (ms === undefined) throw new InvalidArgumentError('It must be a duration such as 10m.');
  return ms;
}

function autoCompaction(options: ServeOptions): AutoCompaction | undefined {
  try {
    return parseAutoCompaction(options.autoCompactionMode, options.autoCompactionRetention);
  } catch (error) {
    throw new ConfigError(`--auto-compaction-retention: ${(error as Error).message}`);
  }
}

function positive(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value <= 0) {
    throw new InvalidArgumentError('It must be a whole number greater than 0.');
  }
  return value;
}

function toConfig(options: ServeOptions): MemberConfig {
  const advertisedPeer = options.initialAdvertisePeerUrls ?? options.listenPeerUrls;
  const alone = advertisedPeer.split(',').map((url) => `${options.name}=${url.trim()}`);
  const initialCluster = options.initialCluster ?? alone.join(',');
  const { heartbeatInterval, electionTimeout } = options;
  if (electionTimeout < 5 * heartbeatInterval) {
    throw new ConfigError(
      `--election-timeout ${electionTimeout} ms is less than five times ` +
        `--heartbeat-interval ${heartbeatInterval} ms`,
    );
  }
  const clientListen = parseUrls('--listen-client-urls', options.listenClientUrls);
  const peerListen = parseUrls('--listen-peer-urls', options.listenPeerUrls);
  return {
    cluster: parseCluster(options.name, initialCluster, options.initialClusterToken),
    dataDir: options.dataDir ?? `${options.name}.crucible`,
    clientListen,
    clientTls: clientTls(options, clientListen),
    clientUrls: (options.advertiseClientUrls ?? options.listenClientUrls).split(','),
    peerListen,
    peerTls: peerTls(options, peerListen),
    metricsListen:
      options.listenMetricsUrls === undefined
        ? []
        : parseUrls('--listen-metrics-urls', options.listenMetricsUrls),
    newCluster: options.initialClusterState === 'new',
    maxRequestBytes: options.maxRequestBytes,
    maxTxnOps: options.maxTxnOps,
    quotaBackendBytes: options.quotaBackendBytes,
    strictReconfigCheck: options.strictReconfigCheck,
    initialCorruptCheck: options.experimentalInitialCorruptCheck,
    corruptCheckMs: options.experimentalCorruptCheckTime,
    autoCompaction: autoCompaction(options),
    backend: options.backend,
    driver: {
      tickMs: heartbeatInterval,
      electionTicks: Math.round(electionTimeout / heartbeatInterval),
      snapshotEntries: options.snapshotCount,
      catchUpEntries: options.snapshotCatchupEntries,
      catchUpBytes: options.snapshotCatchupBytes,
      snapshotHoldBytes: 2 * options.snapshotCatchupBytes,
    },
  };
}

/** Of garbage between two full collections: some of what a member under load may take at all. */
const COLLECTOR_ALLOWANCE_BYTES = 48 * 2 ** 20;

async function serve(options: ServeOptions): Promise<void> {
  const logger = new Logger(
    options.logLevel,
    (line) => process.stderr.write(line),
    () => Date.now(),
  );
  // What grpc-js would print by itself comes back as errors, which are logged or shown.
  setLogVerbosity(logVerbosity.NONE);
  const stopPacing = paceCollector(COLLECTOR_ALLOWANCE_BYTES);
  let member: Member;
  try {
    member = await Member.start(toConfig(options), logger);
  } catch (error) {
    if (error instanceof RemovedMemberError) {
      logger.error(error.message);
      process.exitCode = EXIT.removed;
      return;
    }
    if (error instanceof CorruptStateError) {
      logger.error(error.message);
      process.exitCode = EXIT.violated;
      return;
    }
    // Bad flags, a port in use, a directory that can't be written: the user's to mend.
    throw error instanceof ConfigError ? new UsageError(error.message) : error;
  }
  const reason = await untilStopped(member);
  if (reason === 'signal') await member.handOver();
  await member.close();
  stopPacing();
  if (reason === 'failed') process.exitCode = EXIT.violated;
  if (reason === 'removed') process.exitCode = EXIT.removed;
}

function untilStopped(member: Member): Promise<'signal' | MemberEnd> {
  return new Promise((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) {
      process.once(signal, () => resolve('signal'));
    }
    void member.ended.then(resolve);
  });
}
