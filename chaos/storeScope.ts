/**
 * The part of a store that a run has for itself.
 *
 * A cluster that was started for the run is its own from the first revision on. A store that
 * already runs holds the data of others, perhaps of earlier runs: there a run keeps to keys that
 * nobody used before and counts revisions from the one it found, so that its history reads like
 * that of an empty store and is judged as strictly.
 */
import { FROM_KEY, prefixEnd, type EtcdClient, type OperationClientOptions } from '../src/client';

export interface StoreScope {
  /** Put before every key; empty where the whole store belongs to the run. */
  readonly keyPrefix: string;
  /** What the store's revisions are ahead of the history's. */
  readonly revisionOffset: number;
}

/** The scope of a run in a store that was started for it. */
export const wholeStore: StoreScope = { keyPrefix: '', revisionOffset: 0 };

/** The revision of an empty store: histories begin with it. */
const firstRevision = 1;

/** Finds the newest revision of a running store, at whichever member answers. */
export async function scopeIn(
  client: EtcdClient,
  keyPrefix: string,
  timeoutMs: number,
): Promise<StoreScope> {
  let newest = firstRevision;
  for (const [endpoint] of client.endpoints.entries()) {
    const outcome = await client.range({ key: keyPrefix }, { endpoint, timeoutMs });
    if (outcome.type === 'ok') newest = Math.max(newest, outcome.revision);
  }
  return { keyPrefix, revisionOffset: newest - firstRevision };
}

/** All keys of a scope, as a request names them. */
export function everythingIn({ keyPrefix }: StoreScope): {
  readonly key: string;
  readonly rangeEnd: string | Uint8Array;
} {
  if (keyPrefix === '') return { key: '\0', rangeEnd: FROM_KEY };
  return { key: keyPrefix, rangeEnd: prefixEnd(keyPrefix) };
}

/** The options of a client that stays in a scope. */
export function within(
  scope: StoreScope,
): Pick<OperationClientOptions, 'keyPrefix' | 'revisionOffset'> {
  return { keyPrefix: scope.keyPrefix, revisionOffset: scope.revisionOffset };
}

/** A key of the store as the history names it; undefined when it is somebody else's. */
export function keyIn({ keyPrefix }: StoreScope, key: string): string | undefined {
  return key.startsWith(keyPrefix) ? key.slice(keyPrefix.length) : undefined;
}

/** A revision of the store as the history counts it; 0, which is none, stays. */
export function revisionIn({ revisionOffset }: StoreScope, revision: number | bigint): number {
  return Number(revision) === 0 ? 0 : Number(revision) - revisionOffset;
}

/** A revision of the history as the store counts it. */
export function revisionInStore({ revisionOffset }: StoreScope, revision: number): number {
  return revision > 0 ? revision + revisionOffset : revision;
}
