/**
 * The state machine beside a real etcd: the same random commands to both, answer by answer.
 *
 * Not part of the test run, for it needs `etcd` on the PATH and a port:
 *
 *   node -r esbuild-register properties/kv/oracle.ts [commands] [seed]
 *
 * It starts an etcd of its own on a scratch directory, and stops it. Revisions in the generated
 * requests are small and meant relative to a point a little back, so that they keep hitting.
 */

import { credentials, type ServiceError } from '@grpc/grpc-js';
import fc from 'fast-check';
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { KVClient, LeaseClient } from '../../src/api';
import { Refused, StateMachine } from '../../src/kv';
import type { KeyCommand, Compare, RangeRequest, RequestOp, StatusCode } from '../../src/kv';
import { commands, rangeRequests } from './commands';
import { unwire, wire } from './oracleWire';
import { show } from './show';

const CODES: Readonly<Record<number, StatusCode>> = {
  3: 'invalidArgument',
  5: 'notFound',
  8: 'resourceExhausted',
  9: 'failedPrecondition',
  11: 'outOfRange',
  14: 'unavailable',
};

type Callback<T> = (error: ServiceError | null, response: T) => void;

function call<T, R>(send: (done: Callback<T>) => unknown, convert: (response: T) => R) {
  return new Promise<R | Refused>((resolve, reject) => {
    send((error, response) => {
      if (error === null) resolve(convert(response));
      else if (CODES[error.code] === undefined) reject(error);
      else resolve(new Refused(CODES[error.code]!, error.details));
    });
  });
}

class Etcd {
  private constructor(
    private readonly kv: InstanceType<typeof KVClient>,
    private readonly leases: InstanceType<typeof LeaseClient>,
    readonly stop: () => void,
  ) {}

  static async start(): Promise<Etcd> {
    const directory = mkdtempSync(join(tmpdir(), 'oracle-etcd-'));
    const [client, peer] = [await freePort(), await freePort()].map(
      (port) => `http://127.0.0.1:${port}`,
    );
    const child = spawn(
      'etcd',
      [
        ['--data-dir', directory],
        ['--listen-client-urls', client!],
        ['--advertise-client-urls', client!],
        ['--listen-peer-urls', peer!],
        ['--initial-advertise-peer-urls', peer!],
        ['--initial-cluster', `default=${peer}`],
      ].flat(),
      { stdio: 'ignore' },
    );
    const endpoint = client!.slice('http://'.length);
    const kv = new KVClient(endpoint, credentials.createInsecure());
    await new Promise<void>((resolve, reject) => {
      child.once('error', reject);
      kv.waitForReady(Date.now() + 20_000, (error) => (error ? reject(error) : resolve()));
    });
    const leases = new LeaseClient(endpoint, credentials.createInsecure());
    return new Etcd(kv, leases, () => {
      kv.close();
      leases.close();
      child.once('exit', () => rmSync(directory, { recursive: true, force: true }));
      child.kill('SIGKILL');
    });
  }

  range(request: RangeRequest) {
    return call((done) => this.kv.range(wire.range(request), done), unwire.range);
  }

  do(command: KeyCommand) {
    switch (command.kind) {
      case 'put':
        return call((done) => {
          this.kv.put(wire.put(command.request), done);
        }, unwire.put);
      case 'deleteRange':
        return call((done) => {
          this.kv.deleteRange(wire.deleteRange(command.request), done);
        }, unwire.deleteRange);
      case 'txn':
        return call((done) => {
          this.kv.txn(wire.txn(command.request), done);
        }, unwire.txn);
      case 'compact': {
        const { revision, physical } = command.request;
        return call(
          (done) => this.kv.compact({ revision: BigInt(revision), physical }, done),
          () => ({ kind: 'compact' as const }),
        );
      }
      case 'leaseGrant':
        return call(
          (done: Callback<{ TTL: bigint; ID: bigint }>) =>
            this.leases.leaseGrant({ ID: command.id, TTL: BigInt(command.ttlSeconds) }, done),
          ({ TTL, ID }) => ({ kind: 'lease' as const, id: ID, ttlSeconds: Number(TTL) }),
        );
      case 'leaseRevoke':
        return call(
          (done) => this.leases.leaseRevoke({ ID: command.id }, done),
          () => ({ kind: 'lease' as const, id: command.id, ttlSeconds: 0 }),
        );
      case 'leaseCheckpoint':
        throw new Error('clients cannot send checkpoints');
    }
  }
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer();
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => resolve(port));
    });
  });
}

/**
 * A put that keeps the old value or lease, beside a delete that took the key away just before:
 * possible where the delete's range ends in '\0', for that meets no put when etcd looks for
 * duplicates. A real etcd (3.4.23) panics as it applies it, and again after every restart.
 */
function crashesEtcd(command: KeyCommand): boolean {
  const text = show(command);
  return (
    command.kind === 'txn' &&
    text.includes('"kind": "deleteRange"') &&
    /"ignore(Value|Lease)": true/.test(text)
  );
}

/** Moves what a request says of revisions to where the store is now. */
class Shift {
  constructor(private readonly by: number) {}

  command(command: KeyCommand): KeyCommand {
    switch (command.kind) {
      case 'put':
      case 'deleteRange':
      case 'txn':
        return this.op(command) as KeyCommand;
      case 'compact': {
        const { request } = command;
        // Most compactions would leave nothing to read: let them be rather old.
        const revision = this.revision(Math.min(request.revision, 8));
        return { kind: 'compact', request: { ...request, revision } };
      }
      case 'leaseGrant': {
        const ttlSeconds = Math.max(60, command.ttlSeconds);
        return { ...command, id: command.id === 0n ? 77n : command.id, ttlSeconds };
      }
      case 'leaseRevoke':
      case 'leaseCheckpoint':
        return command;
    }
  }

  range(request: RangeRequest): RangeRequest {
    return {
      ...request,
      revision: this.revision(request.revision),
      minModRevision: this.revision(request.minModRevision),
      maxModRevision: this.revision(request.maxModRevision),
      minCreateRevision: this.revision(request.minCreateRevision),
      maxCreateRevision: this.revision(request.maxCreateRevision),
    };
  }

  private op(op: RequestOp): RequestOp {
    if (op.kind === 'range') return { kind: 'range', request: this.range(op.request) };
    if (op.kind !== 'txn') return op;
    const { compare, success, failure } = op.request;
    const request = {
      compare: compare.map((each) => this.compare(each)),
      success: success.map((each) => this.op(each)),
      failure: failure.map((each) => this.op(each)),
    };
    return { kind: 'txn', request };
  }

  private compare(compare: Compare): Compare {
    return compare.target === 'create' || compare.target === 'mod'
      ? { ...compare, operand: this.revision(compare.operand) }
      : compare;
  }

  private revision(revision: number): number {
    return revision > 0 ? Math.max(1, revision + this.by) : revision;
  }
}

async function compareWithEtcd(count: number, seed: number): Promise<boolean> {
  const machine = new StateMachine();
  const etcd = await Etcd.start();
  const outcomes = new Map<string, number>();
  try {
    const drawn = fc.sample(fc.tuple(commands, rangeRequests), { numRuns: count, seed });
    let index = 0;
    for (const [rawCommand, rawRange] of drawn) {
      if (rawCommand.kind === 'leaseCheckpoint' || crashesEtcd(rawCommand)) continue;
      const shift = new Shift(Math.max(0, machine.revision - 18));
      const command = shift.command(rawCommand);
      const before = machine.revision;
      const own = machine.apply(command, ++index)!.result;
      const lease = own instanceof Refused || own.kind !== 'lease' ? undefined : own;
      const shown = show(
        lease !== undefined && command.kind === 'leaseRevoke' ? { ...lease, ttlSeconds: 0 } : own,
      );
      const theirs = show(await etcd.do(command));
      const outcome = own instanceof Refused ? own.message : `${command.kind} done`;
      outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
      if (shown !== theirs) return report('command', index, before, command, shown, theirs);
      const range = shift.range(rawRange);
      const ownRange = show(attempt(() => machine.range(range)));
      const theirRange = show(await etcd.range(range));
      if (ownRange !== theirRange)
        return report('range', index, before, range, ownRange, theirRange);
    }
  } finally {
    etcd.stop();
    for (const [outcome, times] of [...outcomes].sort()) console.log(`${times}\t${outcome}`);
  }
  console.log(`${count} commands and reads answered alike; revision ${machine.revision}`);
  return true;
}

function attempt<T>(run: () => T): T | Refused {
  try {
    return run();
  } catch (error) {
    if (error instanceof Refused) return error;
    throw error;
  }
}

function report(
  what: string,
  index: number,
  revision: number,
  request: unknown,
  own: string,
  theirs: string,
): boolean {
  console.log(`${what} ${index} at revision ${revision}: ${show(request)}`);
  console.log(`ours: ${own}\netcd: ${theirs}`);
  return false;
}

const [count = '2000', seed = `${Date.now() % 1_000_000}`] = process.argv.slice(2);
console.log(`seed ${seed}`);
void compareWithEtcd(Number(count), Number(seed)).then((alike) => {
  process.exitCode = alike ? 0 : 1;
});
