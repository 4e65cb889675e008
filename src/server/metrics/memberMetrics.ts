/**
 * The metrics of a member as Prometheus text: etcd's names where the meaning is etcd's, and what
 * the promises about memory need beside them.
 *
 * Invariant: nothing but the histogram of syncs is kept here. Everything else is read from the
 * member when it is asked for, so metrics that nobody scrapes cost nothing.
 */
import { status as Status } from '@grpc/grpc-js';
import { Counter, exponentialBuckets, Gauge, Histogram, Registry } from 'prom-client';
import { readProcess, type ProcessReading } from './processMemory';
import type { MemberReadings, PeerReading } from './readings';

interface Sample {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** All that a scrape shows, read at one moment. */
interface Scrape extends MemberReadings {
  readonly process: ProcessReading;
}

type Reading = (scrape: Scrape) => number | undefined;
type Labelled = (scrape: Scrape) => readonly Sample[];

const SINGLE_GAUGES: Readonly<Record<string, readonly [help: string, read: Reading]>> = {
  etcd_server_has_leader: ['Whether a leader is known: 1 or 0.', (r) => Number(r.hasLeader)],
  etcd_server_is_leader: ['Whether this member leads: 1 or 0.', (r) => Number(r.isLeader)],
  etcd_server_is_learner: ['Whether this member is a learner.', (r) => Number(r.isLearner)],
  etcd_server_proposals_committed_total: ['Index that is committed.', (r) => r.committedIndex],
  etcd_server_proposals_applied_total: ['Index that is applied here.', (r) => r.appliedIndex],
  etcd_server_proposals_pending: ['Requests that wait for the log.', (r) => r.proposalsPending],
  etcd_server_snapshot_apply_in_progress_total: [
    'Whether a snapshot of the leader is being installed: 1 or 0.',
    (r) => Number(r.isInstalling),
  ],
  etcd_mvcc_db_total_size_in_bytes: ['Bytes that the state takes.', (r) => r.stateBytes],
  etcd_mvcc_db_total_size_in_use_in_bytes: ['Of these, in use.', (r) => r.stateBytesInUse],
  etcd_debugging_mvcc_keys_total: ['Live keys.', (r) => r.keys],
  etcd_debugging_mvcc_current_revision: ['Newest revision of the store.', (r) => r.revision],
  etcd_debugging_mvcc_compact_revision: ['Last compaction.', (r) => r.compactedRevision],
  etcd_debugging_mvcc_watcher_total: ['Watches.', (r) => r.watchers],
  etcd_debugging_mvcc_slow_watcher_total: ['Watches that are behind.', (r) => r.slowWatchers],
  etcd_debugging_mvcc_watch_stream_total: ['Streams of watches.', (r) => r.watchStreams],
  log_disk_bytes: ['Bytes of the log on disk.', (r) => r.logBytesOnDisk],
  log_first_index: ['Oldest entry of the log that is kept.', (r) => r.logFirstIndex],
  mem_state_bytes: [
    'Bytes of keys and values, old versions included.',
    (r) => r.memory.state.bytes,
  ],
  mem_state_limit_bytes: ['Limit of mem_state_bytes.', (r) => r.memory.state.limit],
  mem_log_bytes: ['Bytes of log entries in memory.', (r) => r.memory.log.bytes],
  mem_log_limit_bytes: ['Limit of mem_log_bytes.', (r) => r.memory.log.limit],
  mem_inflight_bytes: [
    'Bytes under way: requests waiting for the log, entries being applied, messages and snapshot ' +
      'chunks queued for other members.',
    (r) => r.memory.inflight.bytes,
  ],
  mem_inflight_limit_bytes: ['Limit of mem_inflight_bytes.', (r) => r.memory.inflight.limit],
  mem_watch_bytes: ['Bytes of events that wait for slow clients.', (r) => r.memory.watch.bytes],
  mem_watch_limit_bytes: ['Limit of mem_watch_bytes.', (r) => r.memory.watch.limit],
  process_resident_memory_bytes: ['Resident memory.', (r) => r.process.residentBytes],
  process_anonymous_memory_bytes: ['Of it, not of files.', (r) => r.process.anonymousBytes],
  process_open_fds: ['Open file descriptors.', (r) => r.process.openFiles],
  process_start_time_seconds: ['Start, since 1970.', (r) => r.process.startedAtSeconds],
};

const SINGLE_COUNTERS: Readonly<Record<string, readonly [help: string, read: Reading]>> = {
  etcd_server_leader_changes_seen_total: ['Leaders seen.', (r) => r.leaderChanges],
  etcd_server_proposals_failed_total: ['Requests that were given up.', (r) => r.proposalsFailed],
  etcd_mvcc_put_total: ['Puts applied here.', (r) => r.puts],
  etcd_mvcc_delete_total: ['Keys deleted here.', (r) => r.deletes],
  etcd_disk_wal_write_bytes_total: ['Bytes written to the log.', (r) => r.walBytesWritten],
  process_cpu_seconds_total: ['Processor time used.', (r) => r.process.cpuSeconds],
};

function perPeer(label: 'To' | 'From', read: (peer: PeerReading) => number): Labelled {
  return ({ peers }) =>
    peers.map((peer) => ({ labels: { [label]: peer.id.toString(16) }, value: read(peer) }));
}

const LABELLED: readonly (readonly [
  make: 'gauge' | 'counter',
  name: string,
  help: string,
  labels: readonly string[],
  read: Labelled,
])[] = [
  [
    'counter',
    'etcd_network_peer_sent_bytes_total',
    'Bytes sent to a member.',
    ['To'],
    perPeer('To', (peer) => peer.sentBytes),
  ],
  [
    'counter',
    'etcd_network_peer_received_bytes_total',
    'Bytes received from a member.',
    ['From'],
    perPeer('From', (peer) => peer.receivedBytes),
  ],
  [
    'counter',
    'etcd_network_snapshot_send_success',
    'Snapshots that a member took.',
    ['To'],
    perPeer('To', (peer) => peer.snapshotsSent),
  ],
  [
    'counter',
    'etcd_network_snapshot_send_failures',
    'Snapshots that were given up.',
    ['To'],
    perPeer('To', (peer) => peer.snapshotsFailed),
  ],
  [
    'gauge',
    'etcd_network_snapshot_send_inflights_total',
    'Snapshots on their way.',
    ['To'],
    perPeer('To', (peer) => peer.snapshotsSending),
  ],
  [
    'gauge',
    'etcd_network_active_peers',
    'Members that messages leave for.',
    ['Local', 'Remote'],
    ({ id, peers }) =>
      peers.map((peer) => ({
        labels: { Local: id.toString(16), Remote: peer.id.toString(16) },
        value: Number(peer.isConnected),
      })),
  ],
  [
    'counter',
    'grpc_server_started_total',
    'Calls that began.',
    ['grpc_type', 'grpc_service', 'grpc_method'],
    ({ calls }) =>
      calls.map(({ type, service, method, started }) => ({
        labels: { grpc_type: type, grpc_service: service, grpc_method: method },
        value: started,
      })),
  ],
  [
    'counter',
    'grpc_server_handled_total',
    'Calls that ended, by status.',
    ['grpc_type', 'grpc_service', 'grpc_method', 'grpc_code'],
    ({ calls }) =>
      calls.flatMap(({ type, service, method, handled }) =>
        [...handled].map(([code, value]) => ({
          labels: {
            grpc_type: type,
            grpc_service: service,
            grpc_method: method,
            grpc_code: codeName(code),
          },
          value,
        })),
      ),
  ],
  [
    'gauge',
    'etcd_server_version',
    'Version of the API that is served.',
    ['server_version'],
    ({ version }) => [{ labels: { server_version: version }, value: 1 }],
  ],
  [
    'gauge',
    'etcd_server_id',
    'Id of this member.',
    ['server_id'],
    ({ id }) => [{ labels: { server_id: id.toString(16) }, value: 1 }],
  ],
];

export class MemberMetrics {
  private readonly registry = new Registry();
  private scrape: Scrape | undefined;
  private readonly fsync: Histogram;
  private readonly healthSuccess: Counter;
  private readonly healthFailures: Counter;

  constructor(
    private readonly read: () => MemberReadings,
    private readonly wallMs: () => number,
  ) {
    const registers = [this.registry];
    for (const [name, [help, value]] of Object.entries(SINGLE_GAUGES)) {
      this.addLabelled('gauge', name, help, [], single(value));
    }
    for (const [name, [help, value]] of Object.entries(SINGLE_COUNTERS)) {
      this.addLabelled('counter', name, help, [], single(value));
    }
    for (const each of LABELLED) this.addLabelled(...each);
    this.fsync = new Histogram({
      name: 'etcd_disk_wal_fsync_duration_seconds',
      help: 'How long a sync of the log took.',
      buckets: exponentialBuckets(0.001, 2, 14),
      registers,
    });
    this.healthSuccess = new Counter({
      name: 'etcd_server_health_success',
      help: 'Health checks that succeeded.',
      registers,
    });
    this.healthFailures = new Counter({
      name: 'etcd_server_health_failures',
      help: 'Health checks that failed.',
      registers,
    });
  }

  get contentType(): string {
    return this.registry.contentType;
  }

  text(): Promise<string> {
    this.scrape = { ...this.read(), process: readProcess(this.wallMs()) };
    return this.registry.metrics();
  }

  synced(durationMs: number): void {
    this.fsync.observe(durationMs / 1000);
  }

  healthAnswered(isHealthy: boolean): void {
    (isHealthy ? this.healthSuccess : this.healthFailures).inc();
  }

  private addLabelled(
    make: 'gauge' | 'counter',
    name: string,
    help: string,
    labelNames: readonly string[],
    read: Labelled,
  ): void {
    const options = { name, help, labelNames: [...labelNames], registers: [this.registry] };
    const samples = (): readonly Sample[] => (this.scrape === undefined ? [] : read(this.scrape));
    if (make === 'gauge') {
      new Gauge({
        ...options,
        collect() {
          this.reset();
          for (const { labels, value } of samples()) this.set(labels, value);
        },
      });
      return;
    }
    new Counter({
      ...options,
      collect() {
        this.reset();
        for (const { labels, value } of samples()) this.inc(labels, value);
      },
    });
  }
}

/** What has no value at present (a limit that there is not) has no sample. */
function single(read: Reading): Labelled {
  return (scrape) => {
    const value = read(scrape);
    return value === undefined ? [] : [{ labels: {}, value }];
  };
}

/** A status as gRPC's own metrics spell it: `OK`, `NotFound`, and `Canceled` with one l. */
function codeName(code: Status): string {
  if (code === Status.OK) return 'OK';
  if (code === Status.CANCELLED) return 'Canceled';
  const name = Status[code] ?? `Code(${String(code)})`;
  return name
    .toLowerCase()
    .split('_')
    .map((word) => word.charAt(0).toUpperCase() + word.slice(1))
    .join('');
}
