/** The TLS flags of `crucible serve`, under etcd's names, and the files that they name. */
import { readFileSync } from 'node:fs';
import type { Command } from 'commander';
import { ConfigError, type HostPort } from '../server/clusterConfig';

export interface SecurityOptions {
  readonly certFile?: string;
  readonly keyFile?: string;
  readonly trustedCaFile?: string;
  readonly clientCertAuth?: boolean;
  readonly peerCertFile?: string;
  readonly peerKeyFile?: string;
  readonly peerTrustedCaFile?: string;
  readonly peerClientCertAuth?: boolean;
}

export interface TlsFiles {
  readonly cert: Buffer;
  readonly key: Buffer;
  readonly ca: Buffer | undefined;
  readonly clientCertAuth: boolean;
}

export function addSecurityOptions(command: Command): Command {
  return command
    .option('--cert-file <path>', 'certificate (PEM) for clients that connect with https')
    .option('--key-file <path>', 'its key')
    .option('--trusted-ca-file <path>', 'who vouches for clients')
    .option('--client-cert-auth', 'clients must show a certificate')
    .option('--peer-cert-file <path>', 'certificate (PEM) for other members, both ways')
    .option('--peer-key-file <path>', 'its key')
    .option('--peer-trusted-ca-file <path>', 'who vouches for other members')
    .option('--peer-client-cert-auth', 'members that connect must show a certificate');
}

export function clientTls(
  options: SecurityOptions,
  listen: readonly HostPort[],
): TlsFiles | undefined {
  const { certFile, keyFile, trustedCaFile, clientCertAuth = false } = options;
  return tlsFiles('', listen, certFile, keyFile, trustedCaFile, clientCertAuth);
}

export function peerTls(
  options: SecurityOptions,
  listen: readonly HostPort[],
): TlsFiles | undefined {
  const { peerCertFile, peerKeyFile, peerTrustedCaFile, peerClientCertAuth = false } = options;
  return tlsFiles(
    'peer-',
    listen,
    peerCertFile,
    peerKeyFile,
    peerTrustedCaFile,
    peerClientCertAuth,
  );
}

function tlsFiles(
  prefix: string,
  listen: readonly HostPort[],
  certFile: string | undefined,
  keyFile: string | undefined,
  caFile: string | undefined,
  clientCertAuth: boolean,
): TlsFiles | undefined {
  const [cert, key] = [`--${prefix}cert-file`, `--${prefix}key-file`];
  if (certFile === undefined && keyFile === undefined) {
    if (listen.some(({ tls }) => tls)) throw new ConfigError(`https:// needs ${cert} and ${key}`);
    return undefined;
  }
  if (certFile === undefined || keyFile === undefined) {
    throw new ConfigError(`${cert} and ${key} go together; one of them is missing`);
  }
  if (clientCertAuth && caFile === undefined) {
    const auth = `--${prefix}client-cert-auth`;
    throw new ConfigError(`${auth} needs --${prefix}trusted-ca-file: who vouches for clients?`);
  }
  return {
    cert: read(cert, certFile),
    key: read(key, keyFile),
    ca: caFile === undefined ? undefined : read(`--${prefix}trusted-ca-file`, caFile),
    clientCertAuth,
  };
}

function read(flag: string, path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (error) {
    throw new ConfigError(`${flag}: ${(error as Error).message}`);
  }
}
