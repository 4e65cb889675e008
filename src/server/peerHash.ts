/**
 * The hash of the keys as one member tells it to another, and what two of them that differ say.
 *
 * Hashes can be compared only where both members have compacted alike, as in etcd: what was
 * dropped is in no hash.
 */
import { Refused, type Revision, type StateMachine } from '../kv';

export interface PeerHash {
  /** The newest revision of the member. */
  readonly revision: Revision;
  readonly compactRevision: Revision;
  /** Of the keys at the revision that was asked for; undefined where the member has none. */
  readonly hash: number | undefined;
  /** Why there is no hash: the revision is compacted, or not there yet. */
  readonly refusal: string | undefined;
}

/** Answers for this member. `asked` comes from outside. */
export function hashAnswer(machine: StateMachine, asked: unknown): PeerHash {
  const { revision, compactedRevision: compactRevision } = machine;
  if (typeof asked !== 'number' || !Number.isSafeInteger(asked) || asked < 0) {
    const refusal = `${String(asked)} is no revision`;
    return { revision, compactRevision, hash: undefined, refusal };
  }
  try {
    const hash = machine.hashKv(asked);
    return { revision, compactRevision, hash, refusal: undefined };
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    return { revision, compactRevision, hash: undefined, refusal: error.message };
  }
}

export function encodeHash(answer: PeerHash): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(answer));
}

/** Undefined for what is no answer. */
export function peerHashOf(value: unknown): PeerHash | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const { revision, compactRevision, hash, refusal } = value as Partial<PeerHash>;
  if (typeof revision !== 'number' || typeof compactRevision !== 'number') return undefined;
  if (hash !== undefined && typeof hash !== 'number') return undefined;
  return { revision, compactRevision, hash, refusal };
}
