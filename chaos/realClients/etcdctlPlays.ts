/**
 * What is typed in a session with etcdctl: each command, with its flags, in the ways in which it
 * succeeds and fails. Every play keeps to keys of its own and leaves none behind.
 */
import type { EtcdctlSession } from './etcdctlSession';

type Play = (session: EtcdctlSession) => Promise<unknown>;

async function each(session: EtcdctlSession, commands: readonly string[]): Promise<void> {
  for (const command of commands) await session.type(command.split(' '));
}

const putAndGet: Play = async (session) => {
  await each(session, [
    'put k/a one',
    'put k/b two',
    'put k/a three --prev-kv',
    'put k/b --ignore-value',
    'put k/c --ignore-value',
    'put k/c x --ignore-lease',
    'put k/b x --ignore-value',
    'put k/x y --lease=7b',
    'get k/a',
    'get k/a -w json',
    'get k/a -w fields',
    'get k/a --hex',
    'get k/missing',
    'get --prefix k/',
    'get --prefix k/ --keys-only',
    'get --prefix k/ --print-value-only --limit=1',
    'get --prefix k/ --sort-by=MODIFY --order=DESCEND',
    'get --prefix k/ --sort-by=CREATE --order=ASCEND',
    'get --prefix k/ --sort-by=VERSION',
    'get --prefix k/ --sort-by=VALUE --order=DESCEND -w json',
    'get k/a k/c',
    'get --from-key k/b --limit=1',
    'get k/a --rev=2',
    'get k/a --rev=99999',
    'get k/a --consistency=s',
    'get k/a --consistency=x',
  ]);
  await session.type(['put', 'k/stdin'], 'from stdin');
  await each(session, ['get k/stdin', 'get ""', 'put', 'get --prefix k/ -w table']);
};

const deletions: Play = (session) =>
  each(session, [
    'put d/a 1',
    'put d/b 2',
    'put d/c 3',
    'put d/d 4',
    'del d/a --prev-kv',
    'del d/a',
    'del d/b d/c',
    'del --prefix d/ --prev-kv',
    'del --from-key zzz',
    'get --prefix d/ -w json',
    'del --prefix k/',
  ]);

const transactions: Play = async (session) => {
  const txn = (lines: string) => session.type(['txn', '-i=false'], `${lines}\n\n`);
  await txn('ver("t/a") = "0"\n\nput t/a one\nget t/a\n\nget t/a');
  await txn('ver("t/a") = "0"\n\nput t/a one\n\nget t/a\ndel t/a --prev-kv');
  await txn('val("t/a") > "a"\n\nput t/a x\n\nput t/b y');
  await txn('mod("t/b") > "0"\ncreate("t/b") < "999999"\n\nput t/b z --prev-kv\n\nget t/b');
  await txn('val("t/b") = "z"\n\nget --prefix t/ --keys-only\n');
  await txn('\nput t/c 1\nput t/c 2\n');
  await txn('\nput t/c 1\ndel --prefix t/\n');
  await txn('nonsense("t/b") = "0"\n\nget t/b\n');
  await session.type(['txn', '-i'], 'ver("t/b") > "0"\n\nget t/b\n\n\n');
  await session.type(['txn', '-w', 'json'], 'ver("t/b") > "0"\n\ndel --prefix t/\n\n\n');
};

const watches: Play = async (session) => {
  const { stdout } = await session.type(['put', 'w/a', 'one', '-w', 'json']);
  const { revision } = (JSON.parse(stdout) as { header: { revision: number } }).header;
  await each(session, ['put w/b two', 'put w/a three', 'del w/a', 'put wx outside']);
  await session.follow(['watch', '--prefix', 'w/', `--rev=${revision}`], /DELETE\nw\/a\n/);
  await session.follow(
    ['watch', '--prefix', 'w/', `--rev=${revision}`, '--prev-kv'],
    /DELETE\nw\/a\nthree\n/,
  );
  await session.follow(['watch', 'w/a', 'w/b', `--rev=${revision}`, '-w', 'json'], /"type":1/);
  const typed = ['watch', 'w/b', `--rev=${revision}`, '--'];
  await session.follow(
    [...typed, 'sh', '-c', 'echo "$ETCD_WATCH_KEY=$ETCD_WATCH_VALUE"'],
    /="two"/,
  );
  await session.follow(['watch', '-i'], /DELETE\nw\/a\n[^]*progress notify/, async (running) => {
    running.write(`watch w/a --rev=${revision}\n`);
    await running.until(/DELETE/);
    running.write('progress\n');
  });
  await session.follow(
    ['watch', 'w/live'],
    /live\nnow\n/,
    async (running) => {
      // A watch from now on shows only what comes after it is there: write until it shows it.
      const writer = { stopped: false };
      const shown = running.until(/live\nnow\n/).then(() => (writer.stopped = true));
      while (!writer.stopped) await session.quietly(['put', 'w/live', 'now']);
      await shown;
    },
    /PUT\nw\/live\nnow\n/,
  );
  await each(session, ['del --prefix w', 'watch']);
};

const leases: Play = async (session) => {
  const id = await session.idFrom(['lease', 'grant', '100']);
  await session.type(['put', 'l/b', '1', '--lease', id]);
  await session.type(['put', 'l/a', '2', '--lease', id]);
  await session.type(['put', 'l/a', '3', '--ignore-lease']);
  await session.type(['get', 'l/a', '-w', 'json']);
  await session.type(['lease', 'timetolive', id]);
  await session.type(['lease', 'timetolive', id, '--keys']);
  await session.type(['lease', 'keep-alive', '--once', id]);
  await session.type(['lease', 'list']);
  await session.type(['put', 'l/a', '4']);
  await session.type(['lease', 'timetolive', id, '--keys', '-w', 'json']);
  await session.type(['lease', 'revoke', id]);
  await session.type(['lease', 'revoke', id]);
  await session.type(['lease', 'timetolive', id, '--keys']);
  await session.type(['lease', 'keep-alive', '--once', id]);
  await each(session, [
    'lease list',
    'get --prefix l/',
    'lease grant 9000000001',
    'lease grant never',
    'lease revoke xyz',
    'del --prefix l/',
  ]);
};

const compaction: Play = async (session) => {
  await session.type(['put', 'c', 'one']);
  const { stdout } = await session.type(['put', 'c', 'two', '-w', 'json']);
  const { revision } = (JSON.parse(stdout) as { header: { revision: number } }).header;
  await each(session, [
    `compaction ${revision}`,
    `compaction ${revision}`,
    `compaction ${revision + 100}`,
    `get c --rev=${revision - 1}`,
    `get c --rev=${revision}`,
    'put c three',
    `compaction ${revision + 1} --physical`,
    'compaction x',
    'del c',
  ]);
  await session.type(['watch', 'c', `--rev=${revision}`]);
};

const cluster: Play = (session) =>
  each(session, [
    'endpoint health',
    'alarm list',
    'member list -w json',
    'version',
    'put',
    'nothing',
  ]);

export const PLAYS: readonly (readonly [string, Play])[] = [
  ['put and get', putAndGet],
  ['del', deletions],
  ['txn', transactions],
  ['watch', watches],
  ['lease', leases],
  ['compaction', compaction],
  ['endpoint, alarm, member', cluster],
];
