/**
 * Who the members are: parsed from etcd's `--initial-cluster` notation, checked, and given ids.
 *
 * Ids of initial members are derived from the cluster token and the peer URLs, so that all of them
 * compute the same ones without talking to each other, and a member of another cluster is
 * recognized. A member that is added later gets its id from the cluster, its peer URLs and the
 * moment, so that the same place can be taken again by a new member: ids are never used twice.
 * They are 52-bit: exact as a JavaScript number, and never 0.
 */
import { createHash } from 'node:crypto';

export interface MemberAddress {
  readonly id: number;
  readonly name: string;
  /** At least one, sorted. */
  readonly peerUrls: readonly string[];
}

/** The members of a cluster that is about to begin, or some of one that runs. */
export interface ClusterConfig {
  readonly token: string;
  /** Of a cluster that begins with these members. */
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
  /** https. */
  readonly tls: boolean;
}

/** Parses `http://host:port`, or https; anything else is an error that names the flag. */
export function parseUrl(flag: string, text: string): HostPort {
  let url: URL;
  try {
    url = new URL(text);
  } catch {
    throw new ConfigError(`${flag}: "${text}" is not a URL (expected http://host:port)`);
  }
  if (url.protocol !== 'http:' && url.protocol !== 'https:') {
    const served = 'only http:// and https:// are served';
    throw new ConfigError(`${flag}: "${text}" uses ${url.protocol}// (${served})`);
  }
  // A URL leaves out the port that is usual for its scheme.
  const port = url.port === '' ? /:(80|443)\/*$/.exec(text)?.[1] : url.port;
  if (port === undefined) throw new ConfigError(`${flag}: "${text}" has no port`);
  if (url.pathname !== '/' || url.search !== '' || url.username !== '') {
    throw new ConfigError(`${flag}: "${text}" has more than a host and a port`);
  }
  const host = url.hostname.replace(/^\[|\]$/g, '');
  return { host, port: Number(port), tls: url.protocol === 'https:' };
}

/** Parses a list of URLs, at least one. */
export function parseUrls(flag: string, text: string): readonly HostPort[] {
  return text.split(',').map((url) => parseUrl(flag, url.trim()));
}

/** The id of a member that is added to a cluster. */
export function newMemberId(clusterId: number, peerUrls: readonly string[], nowMs: number): number {
  return hashId('member', clusterId, ...[...peerUrls].sort(), nowMs);
}

/** `a=u1,b=u2,b=u3`: a name that comes again has one more URL. */
export function parseCluster(name: string, initialCluster: string, token: string): ClusterConfig {
  const urlsOf = new Map<string, string[]>();
  const known = new Set<string>();
  for (const part of initialCluster.split(',')) {
    const equals = part.indexOf('=');
    if (equals <= 0) {
      throw new ConfigError(`--initial-cluster: "${part}" is not name=http://host:port`);
    }
    const memberName = part.slice(0, equals).trim();
    const peerUrl = part.slice(equals + 1).trim();
    parseUrl('--initial-cluster', peerUrl);
    if (known.has(peerUrl)) {
      throw new ConfigError(`--initial-cluster has the peer URL ${peerUrl} twice`);
    }
    known.add(peerUrl);
    urlsOf.set(memberName, [...(urlsOf.get(memberName) ?? []), peerUrl].sort());
  }
  const members = [...urlsOf].map(([memberName, peerUrls]): MemberAddress => {
    return { id: hashId(token, ...peerUrls), name: memberName, peerUrls };
  });
  members.sort((a, b) => a.id - b.id);
  const self = members.find((member) => member.name === name);
  if (self === undefined) {
    const names = members.map((member) => member.name).join(', ');
    throw new ConfigError(`--name "${name}" is not in --initial-cluster (${names})`);
  }
  const clusterId = hashId(token, ...members.map((member) => member.id));
  return { token, clusterId, self, members };
}

function hashId(...parts: readonly (string | number)[]): number {
  const digest = createHash('sha256').update(parts.join('\n')).digest();
  return digest.readUIntBE(0, 6) * 16 + (digest[6]! >> 4) || 1;
}
