/** etcdctl, the client that everybody has, against our services: what it prints and how it ends. */
import { Etcdctl } from '../../client/testing/etcdctl';
import { withProgram } from '../../client/testing/withProgram';
import { startGrpcServer, type RunningGrpcServer } from './grpcServer';
import { PieceProxy } from './testing/pieceProxy';
import { SoloBackend } from './testing/soloBackend';

const withEtcdctl = withProgram(describe, 'etcdctl', ['version']);

withEtcdctl('etcdctl', () => {
  let server: RunningGrpcServer;
  let client: Etcdctl;

  beforeAll(async () => {
    server = await startGrpcServer(new SoloBackend(), { host: '127.0.0.1', port: 0 });
    client = new Etcdctl([`127.0.0.1:${server.port}`]);
  });

  afterAll(() => server.close());

  const prints = (args: readonly string[], stdin?: string) => client.prints(args, stdin);
  const etcdctl = (args: readonly string[]) => client.run(args);

  test('puts, gets and deletes', async () => {
    expect(await prints(['put', 'a', 'one'])).toBe('OK\n');
    await prints(['put', 'ab', 'two']);
    expect(await prints(['get', 'a'])).toBe('a\none\n');
    expect(await prints(['get', '--prefix', 'a', '--keys-only'])).toBe('a\n\nab\n\n');
    const descending = ['get', '--prefix', 'a', '--sort-by=MODIFY', '--order=DESCEND'];
    expect(await prints([...descending, '--print-value-only'])).toBe('two\none\n');
    expect(await prints(['put', '--prev-kv', 'a', 'three'])).toBe('OK\na\none\n');
    expect(await prints(['get', 'a', '--rev=2'])).toBe('a\none\n');
    expect(await prints(['del', '--prefix', 'a'])).toBe('2\n');
    const fields = JSON.parse(await prints(['get', 'a', '-w', 'json'])) as { header: object };
    expect(fields.header).toMatchObject({ revision: 5, raft_term: 7 });
  });

  test('runs transactions', async () => {
    const txn = 'ver("t") = "0"\n\nput t one\nget t\n\nget t\n\n';
    expect(await prints(['txn'], txn)).toBe('SUCCESS\n\nOK\n\nt\none\n');
    expect(await prints(['txn'], txn)).toBe('FAILURE\n\nt\none\n');
  });

  test('compacts', async () => {
    await prints(['put', 'c', 'one']);
    const head = JSON.parse(await prints(['put', 'c', 'two', '-w', 'json'])) as {
      header: { revision: number };
    };
    const { revision } = head.header;
    expect(await prints(['compaction', `${revision}`])).toBe(`compacted revision ${revision}\n`);
    const again = await etcdctl(['compaction', `${revision}`]);
    expect(again.code).not.toBe(0);
    expect(again.stderr).toContain('etcdserver: mvcc: required revision has been compacted');
    const old = await etcdctl(['get', 'c', `--rev=${revision - 1}`]);
    expect(old.stderr).toContain('etcdserver: mvcc: required revision has been compacted');
  });

  test('asks for status, health, members and hash', async () => {
    const endpoint = `127.0.0.1:${server.port}`;
    expect(await prints(['endpoint', 'status'])).toMatch(
      new RegExp(`^${endpoint}, 8123456789abcdef, 3\\.4\\.0, .*, true, false, 7, \\d+, \\d+, \\n`),
    );
    const health = await etcdctl(['endpoint', 'health']);
    expect(health.stdout + health.stderr).toContain(`${endpoint} is healthy`);
    expect(await prints(['member', 'list'])).toBe(
      '8123456789abcdef, started, solo, http://127.0.0.1:1, http://127.0.0.1:2, false\n',
    );
    expect(await prints(['endpoint', 'hashkv'])).toMatch(new RegExp(`^${endpoint}, \\d+\\n`));
    expect(await prints(['alarm', 'list'])).toBe('');
  });

  test('keeps leases', async () => {
    expect(await prints(['lease', 'grant', '100'])).toMatch(/^lease [0-9a-f]{16} granted with TTL/);
    const [, id] = (await prints(['lease', 'list'])).trim().split('\n');
    await prints(['put', 'leased', 'x', '--lease', id!]);
    expect(await prints(['lease', 'timetolive', id!, '--keys'])).toBe(
      `lease ${id} granted with TTL(100s), remaining(100s), attached keys([leased])\n`,
    );
    expect(await prints(['lease', 'keep-alive', '--once', id!])).toBe(
      `lease ${id} keepalived with TTL(100)\n`,
    );
    expect(await prints(['lease', 'revoke', id!])).toBe(`lease ${id} revoked\n`);
    expect(await prints(['get', 'leased'])).toBe('');
  });

  test.each([1, 5, 24])(
    'asks each endpoint over a link that carries %d bytes at a time',
    async (pieceBytes) => {
      const backend = new SoloBackend();
      const asked = await startGrpcServer(backend, { host: '127.0.0.1', port: 0 });
      const link = await PieceProxy.open(asked.port, pieceBytes);
      const url = `http://127.0.0.1:${link.port}`;
      backend.clientUrls = [url];
      try {
        for (let run = 0; run < 17; run++) {
          const status = await new Etcdctl([url]).run(['endpoint', 'status', '--cluster']);
          expect(status).toMatchObject({ code: 0, stderr: '' });
          expect(status.stdout).toContain(`${url}, 8123456789abcdef, 3.4.0, `);
        }
      } finally {
        link.close();
        await asked.close();
      }
    },
  );

  test('is told what is not implemented', async () => {
    const run = await etcdctl(['user', 'list']);
    expect(run.code).not.toBe(0);
    expect(run.stderr).toContain('Unimplemented');
  });
});
