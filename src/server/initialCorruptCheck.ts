/**
 * etcd's `--experimental-initial-corrupt-check`: before a member takes part in anything, its state
 * is read through, and its hash is compared with the hashes of the members that can be reached.
 *
 * Invariant: a member whose state is found wrong neither votes, nor leads, nor serves. Peers that
 * do not answer, or are not comparable, prove nothing and keep nobody from starting.
 */
import type { MemberRecord, StateMachine } from '../kv';
import type { NodeId } from '../raft/types';
import { queryPeer } from '../transport/peerQuery';
import type { PeerTls } from '../transport/peerSockets';
import { addressOf } from './joining';
import type { Logger } from './logger';
import { peerHashOf, type PeerHash } from './peerHash';

/** The state of this member is not what it should be: it must not start. */
export class CorruptStateError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'CorruptStateError';
  }
}

export interface InitialCheckParts {
  readonly machine: StateMachine;
  readonly self: NodeId;
  readonly tls: PeerTls | undefined;
  readonly logger: Logger;
}

/** The members are asked at the same time. */
const ASK_MS = 2_000;

/** Rejects with CorruptStateError. */
export async function initialCorruptCheck(parts: InitialCheckParts): Promise<void> {
  const { machine, self, logger } = parts;
  const id = self.toString(16);
  logger.info('starting initial corruption check', { memberId: id });
  const damage = await auditOf(machine);
  if (damage !== undefined) {
    throw new CorruptStateError(`${id} found its own state damaged: ${damage}`);
  }
  const peers = machine.cluster.members.filter((member) => member.id !== self);
  const matches = await Promise.all(peers.map((peer) => matchesPeer(parts, peer)));
  if (matches.includes(false)) {
    throw new CorruptStateError(`${id} found data inconsistency with peers`);
  }
  logger.info('initial corruption checking passed; no corruption', { memberId: id });
}

/** Nobody is served yet, but whoever asks this member who the members are is. */
async function auditOf(machine: StateMachine): Promise<string | undefined> {
  const audit = machine.audit();
  for (;;) {
    const outcome = audit.step();
    if (outcome !== undefined) return outcome.damage;
    await new Promise((resolve) => setImmediate(resolve));
  }
}

/** False when the peer holds other keys at the same revision. */
async function matchesPeer(parts: InitialCheckParts, peer: MemberRecord): Promise<boolean> {
  const { machine, logger } = parts;
  const { revision, compactedRevision } = machine;
  const remote = { remotePeer: peer.name, localRevision: revision };
  const local = machine.hashKv();
  const answer = await ask(parts, peer, revision);
  if (answer instanceof Error) {
    logger.warn('failed hash kv request', { ...remote, error: answer.message });
    return true;
  }
  if (answer.hash === undefined) {
    const isSlow = answer.revision < revision;
    const text = isSlow
      ? 'cannot fetch hash from slow remote peer'
      : 'cannot fetch hash from remote peer; local member is behind';
    logger.warn(text, { ...remote, remoteRevision: answer.revision, error: answer.refusal });
    return true;
  }
  const { compactRevision } = answer;
  const both = { localCompactRevision: compactedRevision, remoteCompactRevision: compactRevision };
  if (compactRevision !== compactedRevision) {
    logger.warn('found different compact revision values from remote peer', { ...remote, ...both });
    return true;
  }
  if (answer.hash === local) return true;
  const hashes = { localHash: local, remoteHash: answer.hash };
  logger.warn('found different hash values from remote peer', { ...remote, ...both, ...hashes });
  return false;
}

async function ask(
  { tls }: InitialCheckParts,
  peer: MemberRecord,
  revision: number,
): Promise<PeerHash | Error> {
  const address = addressOf(peer);
  if (address === undefined) return new Error(`no peer URL of ${peer.name} can be dialled`);
  try {
    const bytes = await queryPeer({ kind: 'hashKv', revision }, address, tls, ASK_MS);
    const answer = peerHashOf(JSON.parse(new TextDecoder().decode(bytes)));
    return answer ?? new Error('the answer is no hash');
  } catch (error) {
    return error as Error;
  }
}
