/**
 * A member of ours and a real etcd, each alone in its cluster, that are asked the same.
 *
 * Both live as long as they answer the same: a run begins with an empty, compacted state without
 * leases and alarms, on both, so what was before leaves nothing but the number of the revision.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { KVService, LeaseService, MaintenanceService, type ResponseHeader } from '../../../api';
import { EtcdClient, FROM_KEY, type Outcome } from '../../../client';
import { EtcdProcess } from '../../../client/testing/etcdProcess';
import { MemberCluster, untilOk } from '../../testing/memberCluster';
import { isNested, mayStopEtcd, type Relative, type Request } from './etcdRequests';
import { mutate, type Mutation } from './wireMutations';

/** Elections of both, and so the shortest lease of both. */
const HEARTBEAT_MS = 20;
const ELECTION_MS = 200;
/** Leases with less than this are ended by the pair, or they would end in the middle of a run. */
const SHORT_TTL_SECONDS = 60n;
const ALL = { key: FROM_KEY, rangeEnd: FROM_KEY } as const;

const text = (bytes: Buffer) => bytes.toString('latin1');

export class EtcdPair {
  /** Since the last reset, for the message about a difference. */
  private sent: string[] = [];
  /** From then on etcd 3.4 would carry out puts that are nested in a transaction. */
  private alarmRaised = false;

  private constructor(
    private readonly directory: string,
    private readonly etcd: EtcdProcess,
    private readonly members: MemberCluster,
    /** Of etcd, of ours. */
    readonly clients: readonly [EtcdClient, EtcdClient],
  ) {}

  static async start(): Promise<EtcdPair> {
    const directory = mkdtempSync(join(tmpdir(), 'crucible-pair-'));
    const times = { tickMs: HEARTBEAT_MS, electionTicks: ELECTION_MS / HEARTBEAT_MS };
    const members = await MemberCluster.make(directory, 1, times);
    const [etcd] = await Promise.all([
      EtcdProcess.start([
        ...['--heartbeat-interval', `${HEARTBEAT_MS}`],
        ...['--election-timeout', `${ELECTION_MS}`],
      ]),
      members.start('n1'),
    ]);
    const clientOf = (endpoint: string) =>
      new EtcdClient({ endpoints: [endpoint], timeoutMs: 20_000 });
    const clients = [clientOf(etcd.endpoint), clientOf(members.url('n1'))] as const;
    return new EtcdPair(directory, etcd, members, clients);
  }

  /** Empties both. */
  async reset(): Promise<void> {
    this.sent = [];
    this.alarmRaised = false;
    await Promise.all(
      this.clients.map(async (client) => {
        const { value: raised } = await untilOk(() => this.alarms(client, 0, 0n, 0));
        for (const { memberID, alarm } of raised.alarms) {
          await untilOk(() => this.alarms(client, 2, memberID, alarm));
        }
        const { value } = await untilOk(() => client.leaseLeases());
        for (const { ID } of value.leases) await untilOk(() => client.leaseRevoke(ID));
        await untilOk(() => client.deleteRange(ALL));
        // At a put: watches from a compacted delete on lose it on etcd 3.4.
        const { revision } = await untilOk(() => client.put({ key: 'reset', value: '' }));
        await untilOk(() => client.compact({ revision, physical: true }));
        await untilOk(() => client.deleteRange(ALL));
      }),
    );
    // One side may have had a lease with keys more: from here on revisions are the same.
    const revisions = async () =>
      Promise.all(
        this.clients.map(async (client) => (await untilOk(() => client.range(ALL))).revision),
      );
    const [theirs, ours] = await revisions();
    if (theirs !== ours) throw new Error(`reset: etcd is at ${theirs}, ours at ${ours}`);
  }

  /** Sends a request to both, its bytes mutated or not; throws when they answer differently. */
  async compare(make: Relative, mutations: readonly Mutation[] = []): Promise<void> {
    const newest = await untilOk(() =>
      this.clients[0].range({ key: 'newest', serializable: true }),
    );
    const meant = make(BigInt(newest.revision));
    // Renewals go on a stream, whose client encodes them.
    const changes = meant.call === 'leaseKeepAlive' ? [] : mutations;
    const bytes = changes.reduce(mutate, encode(meant));
    const request = decode(meant.call, bytes);
    if (request !== undefined) {
      if (mayStopEtcd(request) || (this.alarmRaised && isNested(request))) return;
      if (request.call === 'alarm') this.alarmRaised = true;
    }
    const outcomes = await Promise.all(
      this.clients.map((client) => send(client, meant.call, bytes)),
    );
    const [theirs, ours] = outcomes.map((outcome) => shown(comparable(request, outcome)));
    this.sent.push(
      `${meant.call} ${request === undefined ? bytes.toString('hex') : shown(request.request)}`,
    );
    if (ours !== theirs) {
      throw new Error(`${this.sent.join('\n')}\netcd: ${theirs}\nours: ${ours}`);
    }
    if (request !== undefined) await this.endShortLease(request, outcomes);
  }

  async close(): Promise<void> {
    for (const client of this.clients) client.close();
    await this.members.stopAll();
    await this.etcd.close();
    rmSync(this.directory, { recursive: true });
  }

  private alarms(client: EtcdClient, action: number, memberID: bigint, alarm: number) {
    return client.call(MaintenanceService.alarm, { action, memberID, alarm });
  }

  private async endShortLease(
    { call, request }: Request,
    outcomes: readonly Outcome<object>[],
  ): Promise<void> {
    if (call !== 'leaseGrant') return;
    await Promise.all(
      outcomes.map(async (outcome, side) => {
        if (outcome.type !== 'ok') return;
        const { ID, TTL } = outcome.value as { ID: bigint; TTL: bigint };
        if (TTL < SHORT_TTL_SECONDS || request.ID === 0n) {
          await this.clients[side]!.leaseRevoke(ID);
        }
      }),
    );
  }
}

const methods = {
  range: KVService.range,
  put: KVService.put,
  deleteRange: KVService.deleteRange,
  txn: KVService.txn,
  compact: KVService.compact,
  leaseGrant: LeaseService.leaseGrant,
  leaseRevoke: LeaseService.leaseRevoke,
  leaseTimeToLive: LeaseService.leaseTimeToLive,
  leaseLeases: LeaseService.leaseLeases,
  leaseKeepAlive: LeaseService.leaseKeepAlive,
  alarm: MaintenanceService.alarm,
  hashKv: MaintenanceService.hashKv,
} as const;

/** What all methods have, whatever their messages. */
interface AnyMethod {
  readonly path: string;
  readonly requestSerialize: (request: object) => Buffer;
  readonly requestDeserialize: (bytes: Buffer) => object;
  readonly responseDeserialize: (bytes: Buffer) => object;
}

const methodOf = (call: Request['call']) => methods[call] as unknown as AnyMethod;

function encode({ call, request }: Request): Buffer {
  return methodOf(call).requestSerialize(request);
}

/** Undefined where the bytes are no message. */
function decode(call: Request['call'], bytes: Buffer): Request | undefined {
  try {
    return { call, request: methodOf(call).requestDeserialize(bytes) } as Request;
  } catch {
    return undefined;
  }
}

function send(client: EtcdClient, call: Request['call'], bytes: Buffer): Promise<Outcome<object>> {
  if (call === 'leaseKeepAlive') {
    return client.leaseKeepAlive(LeaseService.leaseKeepAlive.requestDeserialize(bytes).ID);
  }
  const { path, responseDeserialize } = methodOf(call);
  return client.call(
    { path, responseDeserialize, requestSerialize: (same: Buffer) => same },
    bytes,
  );
}

/**
 * What must be equal: everything but who answered, in which term, the time that passes, ids that
 * are drawn, and hashes, which each store has of its own.
 */
function comparable(asked: Request | undefined, outcome: Outcome<object>): object {
  if (outcome.type !== 'ok') {
    // Each decoder has its own words for bytes that are no message.
    return outcome.code === 'internal' ? { ...outcome, error: 'no message' } : outcome;
  }
  if (asked === undefined) return { type: 'ok' };
  const { call, request } = asked;
  const { header, ...rest } = outcome.value as { header: ResponseHeader };
  const fields: Record<string, unknown> = { ...rest };
  switch (call) {
    case 'leaseGrant':
      if (request.ID === 0n) fields['ID'] = fields['ID'] === 0n ? 'none' : 'drawn';
      break;
    case 'leaseTimeToLive':
      fields['TTL'] = fields['TTL'] === -1n ? 'gone' : 'there';
      // Etcd gives them in no order.
      fields['keys'] = (fields['keys'] as Buffer[]).map(text).sort();
      break;
    case 'leaseLeases':
      // By the time they have left, which is nearly the same for many here.
      fields['leases'] = (fields['leases'] as { ID: bigint }[]).map(({ ID }) => `${ID}`).sort();
      break;
    case 'hashKv':
      fields['hash'] = fields['hashRevision'] = 'own';
      break;
    default:
  }
  // Etcd 3.4 gives alarms without a header.
  if (call === 'alarm') return fields;
  return { ...fields, header: { revision: header.revision } };
}

const shown = (value: unknown) =>
  JSON.stringify(value, (_key, field: unknown) =>
    typeof field === 'bigint' ? `${field}` : isBuffer(field) ? bytesShown(field) : field,
  );

/** Buffers come to a replacer as what their toJSON gives. */
function isBuffer(field: unknown): field is { readonly data: number[] } {
  return typeof field === 'object' && field !== null && 'data' in field && 'type' in field;
}

function bytesShown({ data }: { readonly data: number[] }): string {
  return Buffer.from(data).toString('latin1');
}
