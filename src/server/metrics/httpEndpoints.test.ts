/** The endpoints as a probe sees them: on the client port, beside gRPC, over a solo backend. */
import { request } from 'node:http';
import { connect } from 'node:net';
import { EtcdClient } from '../../client';
import { NotServed } from '../notServed';
import { startGrpcServer, type RunningGrpcServer } from '../services';
import { SoloBackend } from '../services/testing/soloBackend';
import { endpointSource } from '../memberTelemetry';
import { httpEndpoints } from './httpEndpoints';
import { parseExposition } from './testing/exposition';

interface Seen {
  readonly status: number;
  readonly body: string;
  readonly headers: Readonly<Record<string, unknown>>;
}

let backend: SoloBackend;
let server: RunningGrpcServer;
let answered: boolean[];

beforeEach(async () => {
  backend = new SoloBackend();
  answered = [];
  const source = endpointSource(backend, {
    contentType: 'text/plain; version=0.0.4',
    text: () => Promise.resolve('# TYPE up gauge\nup 1\n'),
    healthAnswered: (isHealthy) => answered.push(isHealthy),
  });
  server = await startGrpcServer(backend, {
    host: '127.0.0.1',
    port: 0,
    http: httpEndpoints(source),
  });
});

afterEach(() => server.close());

function ask(path: string, method = 'GET'): Promise<Seen> {
  return new Promise((resolve, reject) => {
    const options = { host: '127.0.0.1', port: server.port, path, method, agent: false };
    const asked = request(options, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('end', () => {
        const { statusCode = 0, headers } = response;
        resolve({ status: statusCode, body: Buffer.concat(chunks).toString(), headers });
      });
    });
    asked.on('error', reject);
    asked.end();
  });
}

const unavailable = () => new NotServed('timeout', true, 'no quorum confirmed it');

describe('/health', () => {
  it('is true of a member with a leader, no alarm, and a read that works', async () => {
    const { status, body, headers } = await ask('/health');
    expect([status, body]).toEqual([200, '{"health":"true","reason":""}']);
    expect(headers['content-type']).toBe('application/json');
    expect(backend.barriers).toBe(1);
    expect(answered).toEqual([true]);
  });

  it('is false without a leader, unless it is asked about this member alone', async () => {
    backend.leader = 0n;
    const { status, body } = await ask('/health');
    expect([status, body]).toEqual([503, '{"health":"false","reason":"RAFT NO LEADER"}\n']);
    expect((await ask('/health?serializable=true')).status).toBe(200);
    expect(backend.barriers).toBe(0);
    expect(answered).toEqual([false, true]);
  });

  it('is false when no quorum confirms a read', async () => {
    backend.refusing = unavailable();
    const { status, body } = await ask('/health');
    expect(status).toBe(503);
    expect(body).toContain('"reason":"RANGE ERROR:no quorum confirmed it"');
    expect((await ask('/health?serializable=true')).status).toBe(200);
  });

  it('is false with an alarm, unless that one is excluded', async () => {
    backend.alarms = ['NOSPACE'];
    const { status, body } = await ask('/health');
    expect([status, body]).toEqual([503, '{"health":"false","reason":"ALARM NOSPACE"}\n']);
    expect((await ask('/health?exclude=NOSPACE')).status).toBe(200);
    expect((await ask('/health?exclude=CORRUPT')).status).toBe(503);
    backend.alarms = ['NOSPACE', 'CORRUPT'];
    expect((await ask('/health?exclude=NOSPACE')).body).toContain('ALARM CORRUPT');
    expect((await ask('/health?exclude=NOSPACE&exclude=CORRUPT')).status).toBe(200);
  });

  it('is only to be looked at', async () => {
    const { status, headers } = await ask('/health', 'POST');
    expect([status, headers['allow']]).toEqual([405, 'GET']);
  });
});

describe('/livez and /readyz', () => {
  it('say ok, and what was checked when asked to', async () => {
    expect(await ask('/livez')).toMatchObject({ status: 200, body: 'ok\n' });
    const { body } = await ask('/readyz?verbose');
    expect(body).toBe(
      '[+]data_corruption ok\n[+]serializable_read ok\n[+]linearizable_read ok\n' +
        '[+]non_learner ok\nok\n',
    );
  });

  it('tell a member that is cut off from one that is broken', async () => {
    backend.refusing = unavailable();
    expect((await ask('/livez')).status).toBe(200);
    const { status, body } = await ask('/readyz');
    expect(status).toBe(503);
    expect(body).toContain('[+]serializable_read ok\n');
    expect(body).toContain('[-]linearizable_read failed: no quorum confirmed it\n');
    expect((await ask('/readyz?exclude=linearizable_read')).status).toBe(200);
  });

  it('are not about space, but a corrupt member and a learner are not ready', async () => {
    backend.alarms = ['NOSPACE'];
    expect((await ask('/readyz')).status).toBe(200);
    backend.alarms = ['CORRUPT'];
    expect((await ask('/readyz')).body).toContain('[-]data_corruption failed');
    expect((await ask('/livez')).status).toBe(200);
    backend.alarms = [];
    backend.isLearner = true;
    expect((await ask('/readyz')).body).toContain('[-]non_learner failed');
  });

  it('answer for one check alone', async () => {
    backend.alarms = ['CORRUPT'];
    expect((await ask('/readyz/serializable_read')).status).toBe(200);
    expect((await ask('/readyz/data_corruption')).status).toBe(503);
    expect((await ask('/livez/data_corruption')).status).toBe(404);
    expect((await ask('/readyz/serializable_read/more')).status).toBe(404);
  });
});

describe('the client port', () => {
  it('answers gRPC and plain HTTP side by side', async () => {
    const client = new EtcdClient({ endpoints: [`127.0.0.1:${server.port}`], timeoutMs: 10_000 });
    try {
      const [put, seen] = await Promise.all([
        client.put({ key: 'a', value: '1' }),
        ask('/metrics'),
        ask('/version'),
      ]);
      expect(put.type).toBe('ok');
      expect(parseExposition(seen.body).get('up')).toBe(1);
    } finally {
      client.close();
    }
  });

  it('has no other pages, and bad targets do no harm', async () => {
    expect((await ask('/')).status).toBe(404);
    expect((await ask('/metrics/x')).status).toBe(404);
    expect((await ask('//')).status).toBe(400);
    expect((await ask('http://[')).status).toBe(400);
    expect((await ask('/metrics', 'HEAD')).body).toBe('');
    expect((await ask('/metrics', 'DELETE')).status).toBe(405);
  });

  it('decides by the first bytes, one at a time if need be', async () => {
    const text = await converse(['P', 'OST /health HTTP/1.1\r\nHost: x\r\n\r\n']);
    expect(text).toMatch(/^HTTP\/1.1 405 /);
    // The client's preface, a settings frame, and what an HTTP/2 server says first: its settings.
    const preface = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n';
    const settings = Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0]);
    const answer = await converse([...preface].map(String), settings);
    expect(Buffer.from(answer, 'latin1')[3]).toBe(4);
  });

  it('lets go of a connection that never says what it wants', async () => {
    const socket = connect(server.port, '127.0.0.1');
    await new Promise((resolve) => socket.once('connect', resolve));
    const closed = new Promise((resolve) => socket.once('close', resolve));
    socket.on('error', () => undefined);
    await server.close();
    await closed;
  });
});

/** Sends the pieces one by one and resolves with the first that comes back. */
function converse(pieces: readonly string[], last?: Buffer): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port: server.port, host: '127.0.0.1', noDelay: true });
    socket.once('data', (bytes: Buffer) => {
      socket.destroy();
      resolve(bytes.toString('latin1'));
    });
    socket.once('error', reject);
    const next = (at: number): void => {
      if (at < pieces.length) socket.write(pieces[at]!, () => setImmediate(next, at + 1));
      else if (last !== undefined) socket.write(last);
    };
    next(0);
  });
}
