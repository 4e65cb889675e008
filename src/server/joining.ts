/**
 * How a member with an empty data directory finds out who it is: as one of the initial members by
 * what the flags say, or as one that was added by asking the members of the running cluster.
 *
 * Invariant: a member that has ever voted never begins again with nothing. One whose directory
 * was lost is still on record as started, so it refuses to start under its old id: its forgotten
 * votes could elect two leaders in a term. It has to be removed and added as a new one.
 */
import type { MemberRecord } from '../kv';
import type { PeerAddress, PeerEndpoint } from '../transport/peerLink';
import { queryPeer } from '../transport/peerQuery';
import type { PeerTls } from '../transport/peerSockets';
import { ConfigError, parseUrl, type ClusterConfig } from './clusterConfig';
import type { Identity } from './dataDirectory';

/** The cluster as a member describes it to whoever asks. */
export interface ClusterDescription {
  readonly clusterId: number;
  readonly members: readonly MemberRecord[];
}

export function encodeDescription(description: ClusterDescription): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(description));
}

/** One member at most is asked this long; they are asked at the same time. */
const ASK_MS = 2_000;

/** The identity of an initial member of a new cluster. Throws ConfigError if it lived before. */
export async function initialIdentity(
  cluster: ClusterConfig,
  tls: PeerTls | undefined,
): Promise<Identity> {
  const { self, clusterId, token } = cluster;
  const { found } = await askOthers(cluster, tls);
  const known = found?.clusterId === clusterId ? found.members : [];
  refuseStarted(known.find(({ id }) => id === self.id));
  return { clusterId, memberId: self.id, name: self.name, token, joined: false, removed: false };
}

export interface Joining {
  readonly identity: Identity;
  readonly members: readonly MemberRecord[];
}

/** The identity of a member that was added to a running cluster. Throws ConfigError. */
export async function joiningIdentity(
  cluster: ClusterConfig,
  tls: PeerTls | undefined,
  isNew: boolean,
): Promise<Joining> {
  const { self, token } = cluster;
  const { found, troubles } = await askOthers(cluster, tls);
  if (found === undefined) {
    throw new ConfigError(
      '--initial-cluster-state existing: no member of --initial-cluster says who the members ' +
        `are (${troubles.join('; ') || 'it names no other member'})`,
    );
  }
  const urls = self.peerUrls.join(',');
  const own = found.members.find(({ peerUrls }) =>
    self.peerUrls.some((url) => peerUrls.includes(url)),
  );
  if (own === undefined) {
    throw new ConfigError(
      `the cluster has no member with the peer URL ${urls}: add it first ` +
        `(etcdctl member add ${self.name} --peer-urls=${urls})`,
    );
  }
  if (isNew) refuseStarted(own);
  const { clusterId, members } = found;
  const identity = { clusterId, memberId: own.id, name: self.name, token };
  return { identity: { ...identity, joined: true, removed: false }, members };
}

function refuseStarted(member: MemberRecord | undefined): void {
  if (member === undefined || member.clientUrls.length === 0) return;
  throw new ConfigError(
    `member ${member.name} (${member.id.toString(16)}) has already been bootstrapped and its ` +
      'data directory is gone: remove it and add it as a new member',
  );
}

/** The first answer of the other members of the flags, and what went wrong with the rest. */
async function askOthers(cluster: ClusterConfig, tls: PeerTls | undefined) {
  const others = cluster.members
    .filter(({ id }) => id !== cluster.self.id)
    .flatMap(({ peerUrls }) => peerUrls);
  const troubles: string[] = [];
  const answers = await Promise.all(
    others.map(async (peerUrl) => {
      try {
        const url = parseUrl('peer URL', peerUrl);
        const bytes = await queryPeer({ kind: 'members' }, url, tls, ASK_MS);
        return parseDescription(bytes);
      } catch (error) {
        troubles.push(`${peerUrl}: ${(error as Error).message}`);
        return undefined;
      }
    }),
  );
  // One that has just started itself may not know any member yet.
  const found = answers.find((answer) => answer !== undefined && answer.members.length > 0);
  return { found, troubles };
}

function parseDescription(bytes: Uint8Array): ClusterDescription {
  const { clusterId, members } = JSON.parse(
    new TextDecoder().decode(bytes),
  ) as Partial<ClusterDescription>;
  if (typeof clusterId !== 'number' || !Array.isArray(members)) {
    throw new Error('the answer is not a description of a cluster');
  }
  return { clusterId, members };
}

/** How to reach a member; undefined when none of its URLs can be dialled. */
export function addressOf({ id, peerUrls }: MemberRecord): PeerAddress | undefined {
  const [first, ...others] = peerUrls.flatMap((url): readonly PeerEndpoint[] => {
    try {
      return [parseUrl('peer URL', url)];
    } catch {
      return [];
    }
  });
  return first && { id, ...first, others };
}
