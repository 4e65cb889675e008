/**
 * A real member whose disk takes no more: the limit of the system on the size of files fails its
 * writes with EFBIG where a full disk fails them with ENOSPC and a dying one with EIO.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePorts } from '../../../chaos/targets/freePorts';
import { EtcdClient } from '../../client';
import { untilOk } from '../../server/testing/memberCluster';
import { EXIT } from '../exitCodes';

const PROGRAM = join(__dirname, '../../../dist/src/cli/main.js');
const MIB = 1024 * 1024;
/** What `ulimit` counts in. */
const BLOCK_BYTES = 512;
const PUTS_MAX = 150;

let directory: string;
let flags: readonly string[];
let client: EtcdClient;
let child: ChildProcess | undefined;
let ended: Promise<number | null>;
let output: string;

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'crucible-full-'));
  const [clientPort, peerPort] = await freePorts(2);
  const [clientUrl, peerUrl] = [clientPort, peerPort].map((port) => `http://127.0.0.1:${port}`);
  flags = [
    ...['--name', 'n1', '--data-dir', join(directory, 'n1')],
    ...['--initial-cluster', `n1=${peerUrl}`],
    ...['--listen-peer-urls', peerUrl!, '--listen-client-urls', clientUrl!],
    ...['--heartbeat-interval', '20', '--election-timeout', '200'],
  ];
  client = new EtcdClient({ endpoints: [clientUrl!], timeoutMs: 10_000 });
});
afterEach(async () => {
  client.close();
  child?.kill('SIGKILL');
  await ended;
  rmSync(directory, { recursive: true });
});

function serve(fileBytesMax: number | undefined): void {
  const limit = fileBytesMax === undefined ? '' : `ulimit -f ${fileBytesMax / BLOCK_BYTES}; `;
  const command = `${limit}exec "$0" "$@"`;
  const started = spawn('sh', ['-c', command, process.execPath, PROGRAM, 'serve', ...flags], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  child = started;
  output = '';
  started.stderr.on('data', (chunk: Buffer) => (output += chunk.toString()));
  ended = new Promise((resolve) => started.on('exit', resolve));
}

/** Puts new keys until one is not acknowledged; how many were. */
async function fill(): Promise<number> {
  const value = Buffer.alloc(MIB);
  await untilOk(() => client.put({ key: '0', value }));
  for (let count = 1; count < PUTS_MAX; count++) {
    value.fill(count);
    const outcome = await client.put({ key: `${count}`, value });
    if (outcome.type !== 'ok') return count;
  }
  return PUTS_MAX;
}

async function expectAll(count: number): Promise<void> {
  for (let i = 0; i < count; i++) {
    const { value } = await untilOk(() => client.range({ key: `${i}` }));
    expect(value.kvs).toHaveLength(1);
    expect(Buffer.alloc(MIB, i).equals(value.kvs[0]!.value)).toBe(true);
  }
}

describe('a member whose disk takes no more', () => {
  it.each([
    // Segments of the log are closed at 64 MiB, so a file that may have more is the state's.
    ['of the log', 4 * MIB, /"error":"[^"]*wal[^"]*EFBIG/],
    ['of the state', 80 * MIB, /"error":"writing the state to [^"]*bytes are free on its disk/],
  ])(
    '%s ends, and has all that it acknowledged when there is room again',
    async (_, bytes, text) => {
      serve(bytes);
      const acknowledged = await fill();
      expect(acknowledged).toBeGreaterThan(1);
      expect(acknowledged).toBeLessThan(PUTS_MAX);
      expect(await ended).toBe(EXIT.violated);
      expect(output).toMatch(text);
      serve(undefined);
      await expectAll(acknowledged);
      await untilOk(() => client.put({ key: 'more', value: '' }));
    },
    60_000,
  );
});
