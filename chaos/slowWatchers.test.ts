import { Client, credentials, Metadata } from '@grpc/grpc-js';
import { WatchRequest, WatchResponse, WatchService } from '../src/api';
import { EtcdClient } from '../src/client';
import { anonymousMiB } from './memorySampler';
import type { RunningCluster } from './target';
import { referenceProcess } from './targets/referenceProcess';
import { quickTimings } from './testing';

const MIB = 1024 * 1024;
const STREAMS = 6;
const PUTS = 80;
/**
 * What six streams that nobody reads may add: 64 MiB of events in all streams, and in each one
 * response of a MiB on its way out, in its own bytes and as a frame. Kept without a limit they
 * would take 80 MiB of events and as much again for each stream.
 */
const GROWTH_MIB_MAX = 250;

describe('watch streams that nobody reads', () => {
  let cluster: RunningCluster;
  let client: EtcdClient;
  let raw: Client;

  beforeAll(async () => {
    cluster = await referenceProcess({ ...quickTimings, memberCount: 1 }).start();
    const [{ clientUrl } = { clientUrl: '' }] = cluster.members();
    client = new EtcdClient({ endpoints: [clientUrl], timeoutMs: 20_000 });
    raw = new Client(new URL(clientUrl).host, credentials.createInsecure(), {
      'grpc.max_receive_message_length': -1,
    });
  });
  afterAll(async () => {
    client.close();
    raw.close();
    await cluster[Symbol.asyncDispose]();
  });

  /** Watches `big` from now on; nothing is read after the creation until the stream is resumed. */
  async function watch() {
    const stream = raw.makeBidiStreamRequest(
      WatchService.watch.path,
      (request: WatchRequest) => Buffer.from(WatchRequest.encode(request).finish()),
      (bytes: Buffer) => WatchResponse.decode(bytes),
      new Metadata(),
    );
    stream.on('error', () => undefined);
    const value = { key: Buffer.from('big') };
    stream.write(WatchRequest.fromPartial({ requestUnion: { $case: 'createRequest', value } }));
    await new Promise<void>((created) => stream.once('data', () => created()));
    stream.pause();
    return stream;
  }

  it('cost bounded memory, hold up nobody, and miss nothing when they go on', async () => {
    const pid = cluster.members()[0]!.pid;
    if (anonymousMiB(pid) === null) {
      process.stderr.write('skipped: this system does not tell the memory of a process\n');
      return;
    }
    const value = Buffer.alloc(MIB, 'x');
    // What writes of this size take by themselves is not the watches' to answer for.
    for (let i = 0; i < 20; i++) await client.put({ key: 'other', value });
    const before = anonymousMiB(pid)!;
    const mute = [];
    for (let i = 0; i < STREAMS; i++) mute.push(await watch());
    const reading = await watch();
    const seen: bigint[] = [];
    const allSeen = new Promise<void>((done) => {
      reading.on('data', ({ events }: WatchResponse) => {
        for (const { kv } of events) seen.push(kv!.version);
        if (seen.length === PUTS) done();
      });
    });
    reading.resume();
    let peak = before;
    for (let i = 0; i < PUTS; i++) {
      expect((await client.put({ key: 'big', value })).type).toBe('ok');
      peak = Math.max(peak, anonymousMiB(pid)!);
    }
    await allSeen;
    const expected = Array.from({ length: PUTS }, (_, i) => BigInt(i + 1));
    expect(seen).toEqual(expected);
    if (peak - before > GROWTH_MIB_MAX) {
      throw new Error(`anonymous memory grew from ${before} to ${peak} MiB`);
    }
    // The last of them wakes up and gets everything, in order.
    const late = mute.pop()!;
    const versions: bigint[] = [];
    await new Promise<void>((done) => {
      late.on('data', ({ events }: WatchResponse) => {
        for (const { kv } of events) versions.push(kv!.version);
        if (versions.length >= PUTS) done();
      });
      late.resume();
    });
    expect(versions).toEqual(expected);
    for (const stream of [...mute, late, reading]) stream.cancel();
  });
});
