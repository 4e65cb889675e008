/**
 * Who the members are: parsed from etcd's `--initial-cluster` notation, checked, and given ids.
 *
 * Ids are derived from the cluster token and the peer URL, so that all members compute the same
 * ones without talking to each other, and a member of another cluster is recognized. They are
 * 52-bit: exact as a JavaScript number, and never 0.
 */
import { createHash } from 'node:crypto';

export interface MemberAddress {
  readonly id: number;
  readonly name: string;
  readonly peerUrl: string;
  readonly host: string;
  readonly port: number;
}

export interface ClusterConfig {
  readonly clusterId: number;
  readonly self: MemberAddress;
  /** Sorted by id; `self` included. */
  readonly members: readonly MemberAddress[];
}

/** A configuration that can't work; the text says which part and why. */
export class ConfigError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'ConfigError';
  }
}

export interface HostPort {
  readonly host: string;
  readonly port: number;
}

/** Parses `http://host:port`; anything else is an error that names the flag. */
export function parseUrl(flag: string, text: string): HostPort {
  let url: URL;
  try {
    url = new URL(text);
  } catch {
    throw new ConfigError(`${flag}: "${text}" is not a URL (expected http://host:port)`);
  }
  if (url.protocol !== 'http:') {
    throw new ConfigError(`${flag}: "${text}" uses ${url.protocol}// (only http:// is served)`);
  }
  if (url.port === '') throw new ConfigError(`${flag}: "${text}" has no port`);
  return { host: url.hostname.replace(/^\[|\]$/g, ''), port: Number(url.port) };
}

export function parseCluster(name: string, initialCluster: string, token: string): ClusterConfig {
  const members: MemberAddress[] = [];
  for (const part of initialCluster.split(',')) {
    const equals = part.indexOf('=');
    if (equals <= 0) {
      throw new ConfigError(`--initial-cluster: "${part}" is not name=http://host:port`);
    }
    const memberName = part.slice(0, equals).trim();
    const peerUrl = part.slice(equals + 1).trim();
    const address = parseUrl('--initial-cluster', peerUrl);
    if (members.some((other) => other.name === memberName)) {
      throw new ConfigError(`--initial-cluster names "${memberName}" twice`);
    }
    if (members.some((other) => other.peerUrl === peerUrl)) {
      throw new ConfigError(`--initial-cluster has the peer URL ${peerUrl} twice`);
    }
    members.push({ id: hashId(token, peerUrl), name: memberName, peerUrl, ...address });
  }
  members.sort((a, b) => a.id - b.id);
  const self = members.find((member) => member.name === name);
  if (self === undefined) {
    const names = members.map((member) => member.name).join(', ');
    throw new ConfigError(`--name "${name}" is not in --initial-cluster (${names})`);
  }
  return { clusterId: hashId(token, ...members.map((member) => member.id)), self, members };
}

function hashId(...parts: readonly (string | number)[]): number {
  const digest = createHash('sha256').update(parts.join('\n')).digest();
  return digest.readUIntBE(0, 6) * 16 + (digest[6]! >> 4) || 1;
}
