/** TLS for clients and between members, with certificates made for the test. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { EtcdClient } from '../client';
import { withProgram } from '../client/testing/withProgram';
import { MemberCluster, untilOk } from './testing/memberCluster';

interface Certificate {
  readonly cert: Buffer;
  readonly key: Buffer;
}

let directory: string;
let ca: Buffer;

function openssl(...args: readonly string[]): void {
  execFileSync('openssl', args, { cwd: directory, stdio: 'pipe' });
}

/** An authority of its own, or a certificate for 127.0.0.1 that `signedBy` vouches for. */
function certificate(name: string, signedBy?: string): Certificate {
  const subject = ['-subj', `/CN=${name}`, '-days', '2'];
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  const out = ['-keyout', `${name}.key`, '-out', `${name}.crt`];
  const signer =
    signedBy === undefined ? [] : ['-CA', `${signedBy}.crt`, '-CAkey', `${signedBy}.key`];
  const use =
    signedBy === undefined
      ? ['-addext', 'basicConstraints=critical,CA:TRUE']
      : ['-addext', 'subjectAltName=IP:127.0.0.1', '-addext', 'basicConstraints=CA:FALSE'];
  openssl('req', '-x509', ...key, ...subject, ...out, ...signer, ...use);
  const read = (kind: string): Buffer => readFileSync(join(directory, `${name}.${kind}`));
  return { cert: read('crt'), key: read('key') };
}

withProgram(describe, 'openssl', ['version'])('a cluster with TLS', () => {
  let cluster: MemberCluster;
  let client: Certificate;
  let stranger: Certificate;
  const clients: EtcdClient[] = [];

  beforeAll(async () => {
    directory = mkdtempSync(join(tmpdir(), 'crucible-tls-'));
    ca = certificate('ca').cert;
    certificate('other');
    const member = certificate('member', 'ca');
    client = certificate('client', 'ca');
    stranger = certificate('stranger', 'other');
    cluster = await MemberCluster.make(directory, 3, {}, 'https');
    for (const name of ['n1', 'n2', 'n3']) {
      const tls = { ...member, ca, clientCertAuth: true };
      cluster.reconfigure(name, { clientTls: tls, peerTls: tls });
    }
    await cluster.start('n1', 'n2', 'n3');
  });

  afterAll(async () => {
    for (const each of clients) each.close();
    await cluster.stopAll();
    rmSync(directory, { recursive: true });
  });

  function clientWith(certificate: Partial<Certificate>, name = 'n1'): EtcdClient {
    const made = new EtcdClient({
      endpoints: [cluster.url(name)],
      timeoutMs: 5_000,
      tls: {
        rootCerts: ca,
        ...(certificate.cert && { certChain: certificate.cert }),
        ...(certificate.key && { privateKey: certificate.key }),
      },
    });
    clients.push(made);
    return made;
  }

  it('agrees, and serves those with a certificate', async () => {
    const put = await untilOk(() =>
      clientWith(client, 'n2').put({ key: Buffer.from('a'), value: Buffer.from('1') }),
    );
    const third = clientWith(client, 'n3');
    const read = await untilOk(() => third.range({ key: Buffer.from('a') }));
    expect(read.value.count).toBe(1n);
    expect(read.revision).toBe(put.revision);
  });

  it.each(['none', 'one that somebody else vouches for'])(
    'refuses clients with no certificate or a wrong one (%s)',
    async (which) => {
      const refused = clientWith(which === 'none' ? {} : stranger);
      const outcome = await refused.range({ key: Buffer.from('a') }, { timeoutMs: 1_000 });
      expect(outcome.type).not.toBe('ok');
    },
  );

  it('answers plain HTTP requests under TLS too', async () => {
    const url = new URL('/health', cluster.url('n1'));
    const answer = await new Promise<string>((resolve, reject) => {
      const asked = request(url, { ca, ...client, agent: false }, (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('end', () => resolve(Buffer.concat(chunks).toString()));
      });
      asked.on('error', reject).end();
    });
    expect(answer).toContain('"health":"true"');
  });
});
