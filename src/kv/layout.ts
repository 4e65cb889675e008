/**
 * How the state lies in the ordered store: seven kinds of entries, told apart by the first
 * character of their keys.
 *
 *   a <lease> <key>              -> nothing     the keys attached to a lease
 *   c                            -> cluster     members, removed ids, alarms: one entry
 *   k <key> <newest first>       -> record      every version of every key, values included
 *   l <lease>                    -> ttl         the leases
 *   m <name>                     -> counters    indices and hash sums
 *   n <key>                      -> newest      where the newest version of a live key is
 *   r <revision> <sub>           -> change      what changed in which order, for watchers
 *
 * A version's key ends in its revision and its place within the revision, both subtracted from
 * the largest number: the first entry at or after (key, revision) is what the key was at that
 * revision, so reads of the newest and of the past are the same single seek. To keep the order of
 * keys where one is a prefix of another, '\0' in a key is written as '\0\xff' and '\0' ends it;
 * the character behind the end is at most '\x1f', so it never looks like an escape.
 *
 * The entries of the newest versions say nothing that the versions do not: they are there so that
 * a range over keys that were overwritten a thousand times costs what it answers with. They hold
 * all of a record but its value, so that counts and lists of keys touch no value.
 */

import { NO_BYTES, stringOfBytes, varintLength, writeString, writeVarint } from './bytes';
import { Hasher } from './contentHash';
import type { Lanes } from './contentHash';
import { NO_LEASE } from './types';
import type { Key, KeyValue, LeaseId, Revision } from './types';

export const ATTACHMENTS = 'a';
export const CLUSTER = 'c';
export const VERSIONS = 'k';
export const LEASES = 'l';
export const NEWEST = 'n';
export const CHANGES = 'r';
/** Written with every command: where the state is. */
export const COUNTERS_KEY = 'mc';
/** Written when it changes: compaction and leases. */
export const SLOW_COUNTERS_KEY = 'ms';
/** The configuration of the consensus core; a snapshot carries it in its metadata instead. */
export const CONF_KEY = 'mr';

/** The first key behind all entries of a kind. */
export function kindEnd(kind: string): string {
  return String.fromCharCode(kind.charCodeAt(0) + 1);
}

const SUFFIX_LENGTH = 11;
const INVERSE_REVISION = Number.MAX_SAFE_INTEGER;
const INVERSE_SUB = 0xffffffff;
const TOMBSTONE = 1;
const LEASED = 2;
const HASH_BYTES = 8;

/** One change in revision order; the sums tell the content hash at that revision. */
export interface Change {
  readonly key: Key;
  /** Sum of the hashes of all versions ever written, this one included. */
  readonly written: Lanes;
  /** Sum of the hashes of versions that a compaction at this revision lets go of. */
  readonly dead: Lanes;
}

export interface RevisionAndSub {
  readonly revision: Revision;
  readonly sub: number;
}

function digits(revision: number, sub: number): string {
  const high = Math.floor(revision / 2 ** 32);
  return String.fromCharCode(
    (high >>> 16) & 0xff,
    (high >>> 8) & 0xff,
    high & 0xff,
    (revision >>> 24) & 0xff,
    (revision >>> 16) & 0xff,
    (revision >>> 8) & 0xff,
    revision & 0xff,
    sub >>> 24,
    (sub >>> 16) & 0xff,
    (sub >>> 8) & 0xff,
    sub & 0xff,
  );
}

function word(bits: number): string {
  return String.fromCharCode(bits >>> 24, (bits >>> 16) & 0xff, (bits >>> 8) & 0xff, bits & 0xff);
}

function readDigits(text: string, at: number, length: number): number {
  let value = 0;
  for (let i = at; i < at + length; i++) value = value * 256 + text.charCodeAt(i);
  return value;
}

/** The end of a version's key. The same for all keys that change at (revision, sub). */
export function versionSuffix(revision: Revision, sub: number): string {
  return digits(INVERSE_REVISION - revision, INVERSE_SUB - sub);
}

/** The suffix of the newest version that can be at or before `revision`. */
export function newestSuffix(revision: Revision): string {
  return versionSuffix(revision, INVERSE_SUB);
}

/** What the versions of `key`, and of no other key, begin with. Also a bound for ranges. */
export function versionPrefix(key: Key): string {
  const escaped = key.includes('\0') ? key.replaceAll('\0', '\0\xff') : key;
  return VERSIONS + escaped + '\0';
}

/** Whether a store key that is at or after `prefix` is a version under that prefix. */
export function isVersionOf(storeKey: string, prefix: string): boolean {
  return (
    storeKey.length === prefix.length + SUFFIX_LENGTH &&
    storeKey.startsWith(prefix) &&
    storeKey.charCodeAt(prefix.length) < 0x80
  );
}

export function prefixOfVersion(storeKey: string): string {
  return storeKey.slice(0, -SUFFIX_LENGTH);
}

/** The last possible key under a version prefix: what comes behind belongs to another key. */
export function lastOfPrefix(prefix: string): string {
  return `${prefix}\x7f`;
}

/** Where the newest version of a key is looked up, if the key is live. */
export function newestKey(prefix: string): string {
  return NEWEST + prefix.slice(1);
}

export function prefixOfNewest(storeKey: string): string {
  return VERSIONS + storeKey.slice(1);
}

/** For a bound of a range of versions, the same bound among the newest. */
export function newestBound(bound: string): string {
  return bound === kindEnd(VERSIONS) ? kindEnd(NEWEST) : newestKey(bound);
}

/** The end of the version's key, and its record without the value. */
export function encodeNewest(versionKey: string, record: Uint8Array): Uint8Array {
  const headLength = lengthOfHead(record);
  const bytes = new Uint8Array(SUFFIX_LENGTH + headLength);
  writeString(bytes, 0, versionKey.slice(-SUFFIX_LENGTH));
  for (let i = 0; i < headLength; i++) bytes[SUFFIX_LENGTH + i] = record[i]!;
  return bytes;
}

export function versionKeyOfNewest(prefix: string, newest: Uint8Array): string {
  // In one call: this is done for each key of a range.
  const suffix = String.fromCharCode(
    newest[0]!,
    newest[1]!,
    newest[2]!,
    newest[3]!,
    newest[4]!,
    newest[5]!,
    newest[6]!,
    newest[7]!,
    newest[8]!,
    newest[9]!,
    newest[10]!,
  );
  return prefix + suffix;
}

/** The record of the newest version, its value left out. */
export function headOfNewest(newest: Uint8Array): Uint8Array {
  return newest.subarray(SUFFIX_LENGTH);
}

function lengthOfHead(record: Uint8Array): number {
  let at = HASH_BYTES + 1;
  for (let varints = 0; varints < 2; at++) if (record[at]! < 0x80) varints++;
  return isLeased(record) ? at + 8 : at;
}

export function keyOfPrefix(prefix: string): Key {
  const escaped = prefix.slice(1, -1);
  return escaped.includes('\0') ? escaped.replaceAll('\0\xff', '\0') : escaped;
}

export function revisionOfVersion(storeKey: string): Revision {
  return INVERSE_REVISION - readDigits(storeKey, storeKey.length - SUFFIX_LENGTH, 7);
}

export function subOfVersion(storeKey: string): number {
  return INVERSE_SUB - readDigits(storeKey, storeKey.length - 4, 4);
}

export function isTombstone(record: Uint8Array): boolean {
  return (record[HASH_BYTES]! & TOMBSTONE) !== 0;
}

export function isLeased(record: Uint8Array): boolean {
  return (record[HASH_BYTES]! & LEASED) !== 0;
}

export function hashOfRecord(record: Uint8Array): Lanes {
  return { low: readWord(record, 0), high: readWord(record, 4) };
}

const hasher = new Hasher();

function hashVersion(prefix: string, revision: Revision, sub: number, record: Uint8Array): Lanes {
  return hasher
    .reset()
    .string(prefix)
    .number(revision)
    .number(sub)
    .bytes(record, HASH_BYTES)
    .finish();
}

/** Whether a record's own hash still fits its content. */
export function recordIsSound(storeKey: string, record: Uint8Array): boolean {
  if (record.length <= HASH_BYTES) return false;
  const found = hashVersion(
    prefixOfVersion(storeKey),
    revisionOfVersion(storeKey),
    subOfVersion(storeKey),
    record,
  );
  return found.low === readWord(record, 0) && found.high === readWord(record, 4);
}

export interface EncodedVersion {
  readonly record: Uint8Array;
  readonly hash: Lanes;
}

/** The record of a put: hash, flags, create revision, version, lease if any, value. */
export function encodePut(prefix: string, kv: KeyValue, sub: number): EncodedVersion {
  const leased = kv.lease !== NO_LEASE;
  const head =
    HASH_BYTES + 1 + varintLength(kv.createRevision) + varintLength(kv.version) + (leased ? 8 : 0);
  const record = new Uint8Array(head + kv.value.length);
  record[HASH_BYTES] = leased ? LEASED : 0;
  let at = writeVarint(record, HASH_BYTES + 1, kv.createRevision);
  at = writeVarint(record, at, kv.version);
  if (leased) writeString(record, at, leaseDigits(kv.lease));
  record.set(kv.value, head);
  return sealed(prefix, kv.modRevision, sub, record);
}

export function encodeTombstone(prefix: string, revision: Revision, sub: number): EncodedVersion {
  const record = new Uint8Array(HASH_BYTES + 1);
  record[HASH_BYTES] = TOMBSTONE;
  return sealed(prefix, revision, sub, record);
}

function sealed(prefix: string, revision: Revision, sub: number, record: Uint8Array) {
  const hash = hashVersion(prefix, revision, sub, record);
  writeWord(record, 0, hash.low);
  writeWord(record, 4, hash.high);
  return { record, hash };
}

/** What the record of a put holds. The value is a window on the record. */
export function decodePut(key: Key, storeKey: string, record: Uint8Array): KeyValue {
  let at = HASH_BYTES + 1;
  let createRevision = 0;
  let version = 0;
  for (let scale = 1; ; scale *= 0x80) {
    const byte = record[at++]!;
    createRevision += (byte & 0x7f) * scale;
    if (byte < 0x80) break;
  }
  for (let scale = 1; ; scale *= 0x80) {
    const byte = record[at++]!;
    version += (byte & 0x7f) * scale;
    if (byte < 0x80) break;
  }
  let lease = NO_LEASE;
  if ((record[HASH_BYTES]! & LEASED) !== 0) {
    lease = leaseOfDigits(stringOfBytes(record, at, at + 8));
    at += 8;
  }
  const modRevision = revisionOfVersion(storeKey);
  return { key, createRevision, modRevision, version, value: record.subarray(at), lease };
}

/** What watchers get of a deleted key. */
export function deletedKv(key: Key, revision: Revision): KeyValue {
  return {
    key,
    createRevision: 0,
    modRevision: revision,
    version: 0,
    value: NO_BYTES,
    lease: NO_LEASE,
  };
}

export function changeKey(revision: Revision, sub: number): string {
  return CHANGES + digits(revision, sub);
}

export function lastChangeKey(revision: Revision): string {
  return changeKey(revision, INVERSE_SUB);
}

export function revisionOfChange(storeKey: string): RevisionAndSub {
  return { revision: readDigits(storeKey, 1, 7), sub: readDigits(storeKey, 8, 4) };
}

const CHANGE_HEAD = 16;

export function encodeChange(key: Key, written: Lanes, dead: Lanes): Uint8Array {
  const bytes = new Uint8Array(CHANGE_HEAD + key.length);
  writeWord(bytes, 0, written.low);
  writeWord(bytes, 4, written.high);
  writeWord(bytes, 8, dead.low);
  writeWord(bytes, 12, dead.high);
  writeString(bytes, CHANGE_HEAD, key);
  return bytes;
}

export function decodeChange(bytes: Uint8Array): Change {
  return {
    key: stringOfBytes(bytes, CHANGE_HEAD),
    written: { low: readWord(bytes, 0), high: readWord(bytes, 4) },
    dead: { low: readWord(bytes, 8), high: readWord(bytes, 12) },
  };
}

export const CHANGE_BYTES_MIN = CHANGE_HEAD + 1;

/** Eight characters, big-endian two's complement. */
export function leaseDigits(id: LeaseId): string {
  const high = Number(BigInt.asUintN(32, id >> 32n));
  const low = Number(BigInt.asUintN(32, id));
  return word(high) + word(low);
}

export function leaseOfDigits(text: string): LeaseId {
  const high = BigInt(readDigits(text, 0, 4));
  return BigInt.asIntN(64, (high << 32n) | BigInt(readDigits(text, 4, 4)));
}

export function leaseKey(id: LeaseId): string {
  return LEASES + leaseDigits(id);
}

export function attachmentPrefix(id: LeaseId): string {
  return ATTACHMENTS + leaseDigits(id);
}

function readWord(bytes: Uint8Array, at: number): number {
  return (
    (bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)) >>> 0
  );
}

function writeWord(bytes: Uint8Array, at: number, word: number): void {
  bytes[at] = word;
  bytes[at + 1] = word >>> 8;
  bytes[at + 2] = word >>> 16;
  bytes[at + 3] = word >>> 24;
}
