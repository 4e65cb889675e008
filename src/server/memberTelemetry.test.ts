/** A real member, alone, and what its metrics say while clients use it. */
import { mkdtempSync, rmSync } from 'node:fs';
import { get } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePorts } from '../../chaos/targets/freePorts';
import { EtcdClient } from '../client';
import { parseCluster } from './clusterConfig';
import { Logger } from './logger';
import { Member } from './member';
import { MemberTelemetry } from './memberTelemetry';
import { parseExposition, type Exposition } from './metrics/testing/exposition';

let directory: string;
let member: Member;
let client: EtcdClient;
let clientPort: number;
let metricsPort: number;

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'crucible-metrics-'));
  const ports = await freePorts(3);
  const [peer, ...others] = ports as readonly [number, number, number];
  [clientPort, metricsPort] = others;
  const host = '127.0.0.1';
  const clientUrl = `http://${host}:${clientPort}`;
  const silent = new Logger(
    'error',
    () => undefined,
    () => 0,
  );
  member = await Member.start(
    {
      cluster: parseCluster('n1', `n1=http://${host}:${peer}`, 'test'),
      dataDir: join(directory, 'n1'),
      clientListen: [{ host, port: clientPort, tls: false }],
      clientUrls: [clientUrl],
      peerListen: [{ host, port: peer, tls: false }],
      metricsListen: [{ host, port: metricsPort, tls: false }],
      newCluster: true,
      maxRequestBytes: 100_000,
      maxTxnOps: 128,
      driver: { tickMs: 10 },
    },
    silent,
  );
  client = new EtcdClient({ endpoints: [clientUrl], timeoutMs: 10_000 });
});

afterAll(async () => {
  client.close();
  await member.close();
  rmSync(directory, { recursive: true });
});

function fetch(port: number, path: string): Promise<string> {
  return new Promise((resolve, reject) => {
    get({ host: '127.0.0.1', port, path, agent: false }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('end', () => resolve(Buffer.concat(chunks).toString()));
    }).on('error', reject);
  });
}

async function scrape(port = clientPort): Promise<Exposition> {
  return parseExposition(await fetch(port, '/metrics'));
}

/** What is committed can be applied a turn later: figures to count from have it applied. */
async function scrapeWhenApplied(): Promise<Exposition> {
  for (;;) {
    const found = await scrape();
    const committed = found.get('etcd_server_proposals_committed_total');
    if (found.get('etcd_server_proposals_applied_total') === committed) return found;
  }
}

async function put(key: string, value: string | Buffer): Promise<void> {
  for (;;) {
    const outcome = await client.put({ key, value });
    if (outcome.type === 'ok') return;
    // A member that was just started first has to elect itself.
    if (outcome.code !== 'unavailable') throw new Error(outcome.error);
  }
}

const handled = (method: string, code: string, service = 'KV'): string =>
  `grpc_server_handled_total{grpc_type="unary",grpc_service="etcdserverpb.${service}",` +
  `grpc_method="${method}",grpc_code="${code}"}`;

describe('the metrics of a member', () => {
  it('move with what clients do', async () => {
    await put('warm', 'up');
    const before = await scrapeWhenApplied();
    for (const key of ['a', 'b', 'c']) await put(key, 'x'.repeat(1000));
    await client.deleteRange({ key: 'a' });
    await client.range({ key: 'b' });
    await client.put({ key: '', value: 'refused' });
    const after = await scrape();
    const grown = (name: string): number => after.get(name)! - (before.get(name) ?? 0);
    expect({
      puts: grown('etcd_mvcc_put_total'),
      deletes: grown('etcd_mvcc_delete_total'),
      keys: grown('etcd_debugging_mvcc_keys_total'),
      revisions: grown('etcd_debugging_mvcc_current_revision'),
      committed: grown('etcd_server_proposals_committed_total'),
      applied: grown('etcd_server_proposals_applied_total'),
      putsAnswered: grown(handled('Put', 'OK')),
      putsRefused: grown(handled('Put', 'InvalidArgument')),
      rangesAnswered: grown(handled('Range', 'OK')),
    }).toEqual({
      puts: 3,
      deletes: 1,
      keys: 2,
      revisions: 4,
      committed: 4,
      applied: 4,
      putsAnswered: 3,
      putsRefused: 1,
      rangesAnswered: 1,
    });
    expect(grown('etcd_disk_wal_write_bytes_total')).toBeGreaterThan(3000);
    expect(grown('etcd_disk_wal_write_bytes_total')).toBeLessThan(5000);
    expect(grown('etcd_disk_wal_fsync_duration_seconds_count')).toBeGreaterThanOrEqual(4);
    expect(grown('etcd_disk_wal_fsync_duration_seconds_sum')).toBeGreaterThan(0);
    expect(grown('mem_state_bytes')).toBeGreaterThan(3000);
    expect(grown('mem_log_bytes')).toBeGreaterThan(3000);
  });

  it('say who leads', async () => {
    const seen = await scrape();
    expect(seen.get('etcd_server_has_leader')).toBe(1);
    expect(seen.get('etcd_server_is_leader')).toBe(1);
    expect(seen.get('etcd_server_is_learner')).toBe(0);
    expect(seen.get('etcd_server_leader_changes_seen_total')).toBe(1);
    expect(seen.get('etcd_server_version{server_version="3.4.0"}')).toBe(1);
  });

  it('hold every promise about memory against its limit', async () => {
    const seen = await scrape();
    for (const part of ['log', 'inflight', 'watch']) {
      const limit = seen.get(`mem_${part}_limit_bytes`)!;
      expect(limit).toBeGreaterThan(0);
      expect(seen.get(`mem_${part}_bytes`)).toBeLessThanOrEqual(limit);
    }
    expect(seen.get('mem_inflight_bytes')).toBe(0);
    expect(seen.get('process_resident_memory_bytes')).toBeGreaterThan(2 ** 24);
    expect(seen.get('process_anonymous_memory_bytes')).toBeLessThan(
      seen.get('process_resident_memory_bytes')!,
    );
  });

  it('count watches while they are open', async () => {
    await new Promise<void>((resolve, reject) => {
      const stream = client.watch({
        onResponse: () => resolve(),
        onEnd: ({ error }) => reject(new Error(error)),
      });
      stream.create({ key: 'a' });
    });
    const open = await scrape();
    expect(open.get('etcd_debugging_mvcc_watcher_total')).toBe(1);
    expect(open.get('etcd_debugging_mvcc_watch_stream_total')).toBe(1);
    expect(open.get('etcd_debugging_mvcc_slow_watcher_total')).toBe(0);
  });

  it('are the same on the listener of their own, and health checks are counted', async () => {
    const before = await scrape(metricsPort);
    expect(await fetch(metricsPort, '/health')).toBe('{"health":"true","reason":""}');
    const after = await scrape(metricsPort);
    expect(after.get('etcd_server_health_success')).toBe(
      before.get('etcd_server_health_success')! + 1,
    );
    expect(after.get('etcd_mvcc_put_total')).toBe((await scrape()).get('etcd_mvcc_put_total'));
  });
});

describe('leader changes', () => {
  it('are counted when another leader is seen, not when there is none', () => {
    const telemetry = new MemberTelemetry(() => 0);
    for (const leader of [0, 3, 0, 3, 3, 5, 0]) telemetry.leaderChanged(leader);
    expect(telemetry.leadersSeen).toBe(3);
  });
});
