/** Endpoints that are none, or do not let everybody in: verify says what is in the way. */
import { createServer } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { status } from '@grpc/grpc-js';
import { endpoints, type EndpointsOptions } from '../../../chaos';
import { EtcdProcess } from '../../client/testing/etcdProcess';
import { withProgram } from '../../client/testing/withProgram';
import { EtcdClient } from '../../client';
import { AuthService } from '../../api';
import { UsageError } from '../usageError';
import { parseTarget, withAccess } from './target';
import { FaultyStore, type Defect } from './testing/faultyStore';

async function whyNot(options: EndpointsOptions): Promise<string> {
  try {
    await using running = await endpoints({ readyLimitMs: 300, ...options }).start();
    return `started with ${running.members().length} members`;
  } catch (error) {
    return (error as Error).message;
  }
}

function refusing(code: status, details: string): Defect {
  const refusal = Object.assign(new Error(details), { code, details });
  return { range: () => Promise.reject(refusal) };
}

async function whyNotAt(defect: Defect): Promise<string> {
  const store = await FaultyStore.start(defect);
  try {
    return await whyNot({ urls: store.urls });
  } finally {
    await store.close();
  }
}

describe('endpoints', () => {
  it('that speak HTTP/2 and no gRPC are named as such', async () => {
    const server = createServer((_, response) => void response.end('<h1>hello</h1>'));
    await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
    const { port } = server.address() as AddressInfo;
    const why = await whyNot({ urls: [`127.0.0.1:${port}`] });
    server.close();
    expect(why).toMatch(/waited 300 ms for http:\/\/127\.0\.0\.1:\d+ to answer/);
    expect(why).toContain('this is no gRPC server');
  });

  it('that refuse whoever does not say who he is are given up at once', async () => {
    const refused = await whyNotAt(refusing(status.UNAUTHENTICATED, 'invalid auth token'));
    expect(refused).toContain('who does not say who he is: unauthenticated: invalid auth token');
    const unnamed = 'etcdserver: user name is empty';
    expect(await whyNotAt(refusing(status.INVALID_ARGUMENT, unnamed))).toContain(unnamed);
  });

  it('that know no status are asked for a read instead', async () => {
    expect(await whyNotAt({ without: ['status'] })).toBe('started with 1 members');
  });
});

withProgram(describe, 'etcd', ['--version'])('an etcd with passwords', () => {
  let etcd: EtcdProcess;

  beforeAll(async () => {
    etcd = await EtcdProcess.start();
    const client = new EtcdClient({ endpoints: [etcd.endpoint], timeoutMs: 10_000 });
    const options = { noPassword: false };
    await client.call(AuthService.userAdd, {
      ...{ name: 'root', password: 'secret', hashedPassword: '', options },
    });
    await client.call(AuthService.roleAdd, { name: 'root' });
    await client.call(AuthService.userGrantRole, { user: 'root', role: 'root' });
    await client.call(AuthService.authEnable, {});
    client.close();
  });
  afterAll(() => etcd.close());

  const asUser = (password: string) => {
    return whyNot({ urls: [etcd.endpoint], readyLimitMs: 5_000, user: { name: 'root', password } });
  };

  it('lets in who knows one, and says so to who does not', async () => {
    expect(await whyNot({ urls: [etcd.endpoint], readyLimitMs: 5_000 })).toContain('user name is');
    expect(await asUser('wrong')).toContain('user root at');
    expect(await asUser('secret')).toBe('started with 1 members');
  });
});

describe('options for access', () => {
  const target = parseTarget('endpoints:a:1');

  it('are handed on to endpoints', () => {
    expect(withAccess(target, {})).toBe(target);
    expect(withAccess(target, { user: 'me:a:b' })).toMatchObject({
      user: { name: 'me', password: 'a:b' },
    });
    expect(withAccess(target, { cacert: __filename })).toHaveProperty('tls.rootCerts');
  });

  it.each([
    [parseTarget('reference'), { user: 'a:b' }, 'are for endpoints:URL,URL only'],
    [target, { user: 'nobody' }, '--user is name:password'],
    [target, { cert: __filename }, '--cert and --key go together'],
    [target, { cacert: '/nowhere' }, '--cacert: ENOENT'],
  ])('that make no sense are refused', (of, options, message) => {
    expect(() => withAccess(of, options)).toThrow(UsageError);
    expect(() => withAccess(of, options)).toThrow(message);
  });
});
