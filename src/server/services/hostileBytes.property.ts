/**
 * Whatever bytes a client sends, the server answers and lives.
 *
 * The bytes are protobuf of no message in particular: any field number with any type, integers at
 * the edges of 64 bits, messages in messages. So they reach the decoder's corners, enums out of
 * range, oneofs set twice, operands that do not fit and values where a message was meant. No
 * request may come out as a defect, and afterwards the server must serve like before.
 */
import { Client, credentials, Metadata, status as Status, type ServiceError } from '@grpc/grpc-js';
import * as fc from 'fast-check';
import {
  ClusterService,
  KVService,
  LeaseService,
  MaintenanceService,
  WatchService,
} from '../../api';
import { EtcdClient } from '../../client';
import { startGrpcServer, type RunningGrpcServer } from './grpcServer';
import { SoloBackend } from './testing/soloBackend';

const paths = [
  ...Object.values(KVService),
  ClusterService.memberList,
  MaintenanceService.alarm,
  MaintenanceService.status,
  MaintenanceService.hash,
  MaintenanceService.hashKv,
  MaintenanceService.moveLeader,
  LeaseService.leaseGrant,
  LeaseService.leaseRevoke,
  LeaseService.leaseTimeToLive,
  LeaseService.leaseLeases,
].map((method) => method.path);
const streamPaths = [WatchService.watch.path, LeaseService.leaseKeepAlive.path];

function varint(value: bigint): number[] {
  const bytes: number[] = [];
  let rest = BigInt.asUintN(64, value);
  while (rest >= 0x80n) {
    bytes.push(Number(rest & 0x7fn) | 0x80);
    rest >>= 7n;
  }
  return [...bytes, Number(rest)];
}

const edges = fc.constantFrom(0n, 1n, 2n, 3n, 5n, -1n, 2n ** 31n, 2n ** 53n, 2n ** 63n - 1n);
const integers = fc.oneof(edges, fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }));
const numbers = fc.oneof(fc.integer({ min: 1, max: 13 }), fc.constantFrom(64, 500));
const tagged = (number: number, type: number) => varint(BigInt((number << 3) | type));
const delimited = (number: number, bytes: readonly number[]) => [
  ...tagged(number, 2),
  ...varint(BigInt(bytes.length)),
  ...bytes,
];

const { message } = fc.letrec<{ message: number[]; field: number[] }>((tie) => ({
  message: fc.array(tie('field'), { maxLength: 5 }).map((fields) => fields.flat()),
  field: fc.oneof(
    { depthSize: 'medium', withCrossShrink: true },
    {
      weight: 3,
      arbitrary: fc.tuple(numbers, integers).map(([n, i]) => [...tagged(n, 0), ...varint(i)]),
    },
    {
      weight: 3,
      arbitrary: fc
        .tuple(numbers, fc.constantFrom('', 'a', 'b', '\0', '\xff'))
        .map(([n, text]) => delimited(n, [...Buffer.from(text, 'latin1')])),
    },
    {
      weight: 4,
      arbitrary: fc.tuple(numbers, tie('message')).map(([n, inner]) => delimited(n, inner)),
    },
    {
      weight: 1,
      arbitrary: fc
        .tuple(numbers, fc.constantFrom(1, 3, 4, 5), fc.uint8Array({ maxLength: 9 }))
        .map(([n, type, rest]) => [...tagged(n, type), ...rest]),
    },
  ),
}));

const anyBytes = fc.oneof(
  { weight: 9, arbitrary: message.map((bytes) => Buffer.from(bytes)) },
  { weight: 1, arbitrary: fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes)) },
);

/** Codes of answers that were meant: 13 is what grpc-js says of bytes that are no message. */
const meant: readonly Status[] = [
  Status.OK,
  Status.INVALID_ARGUMENT,
  Status.NOT_FOUND,
  Status.OUT_OF_RANGE,
  Status.FAILED_PRECONDITION,
  Status.UNIMPLEMENTED,
  Status.INTERNAL,
];

describe('hostile bytes', () => {
  const defects: unknown[] = [];
  let backend: SoloBackend;
  let server: RunningGrpcServer;
  let raw: Client;
  let client: EtcdClient;

  beforeAll(async () => {
    backend = new SoloBackend();
    server = await startGrpcServer(backend, {
      host: '127.0.0.1',
      port: 0,
      onDefect: (error) => defects.push(error),
    });
    raw = new Client(`127.0.0.1:${server.port}`, credentials.createInsecure());
    client = new EtcdClient({ endpoints: [`127.0.0.1:${server.port}`], timeoutMs: 20_000 });
  });

  afterAll(async () => {
    raw.close();
    client.close();
    await server.close();
  });

  const same = (bytes: Buffer) => bytes;
  const send = (path: string, bytes: Buffer) =>
    new Promise<{ readonly code: Status; readonly details: string }>((resolve) => {
      const answered = (error: ServiceError | null) => resolve(error ?? { code: 0, details: '' });
      raw.makeUnaryRequest(path, same, same, bytes, new Metadata(), answered);
    });

  test('are answered, and the server lives', async () => {
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...paths), anyBytes, async (path, bytes) => {
        const { code, details } = await send(path, bytes);
        expect(defects).toEqual([]);
        if (!meant.includes(code)) throw new Error(`${path}: ${code} ${details}`);
      }),
      { numRuns: 1000 },
    );
    const put = await client.put({ key: 'alive', value: 'yes' });
    expect(put.type).toBe('ok');
    expect(await client.healthy()).toBe(true);
  });

  const sendAll = (path: string, messages: readonly Buffer[]) =>
    new Promise<Status>((resolve) => {
      const stream = raw.makeBidiStreamRequest(path, same, same, new Metadata());
      stream.on('error', (error: ServiceError) => resolve(error.code));
      stream.on('end', () => resolve(Status.OK));
      stream.resume();
      for (const message of messages) stream.write(message);
      stream.end();
    });

  test('on streams end them at worst, and the server lives', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...streamPaths),
        fc.array(anyBytes, { maxLength: 8 }),
        async (path, messages) => {
          const code = await sendAll(path, messages);
          expect(defects).toEqual([]);
          if (!meant.includes(code)) throw new Error(`${path}: ${code}`);
        },
      ),
      { numRuns: 150 },
    );
    expect(backend.watches.watcherCount).toBe(0);
    expect(await client.healthy()).toBe(true);
  });

  test('messages in messages in messages are refused before the stack is full', async () => {
    const { path } = KVService.txn;
    const nested = (levels: number) => {
      let bytes: number[] = [];
      // A transaction in the first operation of a transaction.
      for (let i = 0; i < levels; i++) bytes = delimited(2, delimited(4, bytes));
      return Buffer.from(bytes);
    };
    expect((await send(path, nested(10))).code).toBe(Status.OK);
    expect((await send(path, nested(2000))).code).toBe(Status.INTERNAL);
    expect(defects).toEqual([]);
    expect(await client.healthy()).toBe(true);
  });
});
