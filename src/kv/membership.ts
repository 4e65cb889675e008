/**
 * Who the members are and which alarms are raised: replicated state like the keys, changed only
 * by entries of the log, and part of every snapshot.
 *
 * Invariant: ids are never used again. A removed id stays on record, so that a member that comes
 * back after its removal is told so, whoever it asks. Whether a change is allowed depends on this
 * state alone, so all members decide alike.
 */
import type { NodeId } from '../raft/types';
import { ByteReader, ByteWriter, DamagedBytes } from './bytes';
import { Hasher, ZERO_LANES, type Lanes } from './contentHash';
import { CLUSTER } from './layout';
import type { OrderedReader } from './orderedStore';
import { refusals } from './refusals';
import type {
  AlarmMember,
  AlarmType,
  ClusterCommand,
  CommandResult,
  MemberRecord,
  MembershipChange,
  Refused,
} from './types';

/** As in etcd: a second learner would only slow down the first one's catching up. */
export const LEARNERS_MAX = 1;

export interface ClusterState {
  /** By id, ascending. */
  readonly members: readonly MemberRecord[];
  /** Ids of removed members, ascending. */
  readonly removed: readonly NodeId[];
  /** By type, then by member. */
  readonly alarms: readonly AlarmMember[];
}

export const EMPTY_CLUSTER: ClusterState = { members: [], removed: [], alarms: [] };

export function findMember(state: ClusterState, id: NodeId): MemberRecord | undefined {
  return state.members.find((member) => member.id === id);
}

export function hasAlarm(state: ClusterState, alarm: AlarmType): boolean {
  return state.alarms.some((raised) => raised.alarm === alarm);
}

/** Why a change of the membership cannot be made, or undefined: etcd's checks, in its order. */
export function membershipRefusal(
  state: ClusterState,
  change: MembershipChange,
): Refused | undefined {
  const id = change.kind === 'add' ? change.member.id : change.id;
  const member = findMember(state, id);
  if (change.kind === 'add') {
    if (member !== undefined || state.removed.includes(id)) return refusals.memberExists();
    if (urlsTaken(state, id, change.member.peerUrls)) return refusals.peerUrlExists();
    const learners = state.members.filter(({ isLearner }) => isLearner).length;
    if (change.member.isLearner && learners >= LEARNERS_MAX) return refusals.tooManyLearners();
    return undefined;
  }
  if (member === undefined) return refusals.memberNotFound();
  switch (change.kind) {
    case 'promote':
      return member.isLearner ? undefined : refusals.memberNotLearner();
    case 'remove':
      return isLastVoter(state, member) ? refusals.notEnoughStarted() : undefined;
    case 'update':
      return urlsTaken(state, id, change.peerUrls) ? refusals.peerUrlExists() : undefined;
  }
}

/** The state after a change that `membershipRefusal` has nothing against. */
export function changeMembership(state: ClusterState, change: MembershipChange): ClusterState {
  switch (change.kind) {
    case 'add':
      return { ...state, members: withMember(state, change.member) };
    case 'promote':
      return replaced(state, change.id, (member) => ({ ...member, isLearner: false }));
    case 'update':
      return replaced(state, change.id, (member) => ({ ...member, peerUrls: change.peerUrls }));
    case 'remove':
      return {
        members: state.members.filter(({ id }) => id !== change.id),
        removed: [...state.removed, change.id].sort((a, b) => a - b),
        // As in etcd, a removed member's alarms stay until somebody disarms them.
        alarms: state.alarms,
      };
  }
}

/** What a member says of itself when it has started; nothing for one that is gone. */
function publishAttributes(
  state: ClusterState,
  id: NodeId,
  name: string,
  clientUrls: readonly string[],
): ClusterState {
  return replaced(state, id, (member) => ({ ...member, name, clientUrls }));
}

export interface ClusterCommandResult {
  readonly state: ClusterState;
  readonly result: CommandResult;
}

export function carryOut(state: ClusterState, command: ClusterCommand): ClusterCommandResult {
  if (command.kind === 'memberAttributes') {
    const { id, name, clientUrls } = command;
    const published = publishAttributes(state, id, name, clientUrls);
    return { state: published, result: { kind: 'memberAttributes' } };
  }
  const change = command.raised ? raiseAlarm : disarm;
  const { state: after, alarms } = change(state, command.alarm);
  return { state: after, result: { kind: 'alarm', alarms } };
}

interface AlarmChange {
  readonly state: ClusterState;
  /** The alarm that was raised or taken back; nothing if there was none to take back. */
  readonly alarms: readonly AlarmMember[];
}

function raiseAlarm(state: ClusterState, alarm: AlarmMember): AlarmChange {
  if (state.alarms.some((raised) => sameAlarm(raised, alarm))) return { state, alarms: [alarm] };
  const alarms = [...state.alarms, alarm].sort(compareAlarms);
  return { state: { ...state, alarms }, alarms: [alarm] };
}

function disarm(state: ClusterState, alarm: AlarmMember): AlarmChange {
  const alarms = state.alarms.filter((raised) => !sameAlarm(raised, alarm));
  const found = alarms.length < state.alarms.length;
  return { state: found ? { ...state, alarms } : state, alarms: found ? [alarm] : [] };
}

function sameAlarm(a: AlarmMember, b: AlarmMember): boolean {
  return a.alarm === b.alarm && a.memberId === b.memberId;
}

function compareAlarms(a: AlarmMember, b: AlarmMember): number {
  if (a.alarm !== b.alarm) return ALARMS.indexOf(a.alarm) - ALARMS.indexOf(b.alarm);
  return a.memberId < b.memberId ? -1 : a.memberId > b.memberId ? 1 : 0;
}

function urlsTaken(state: ClusterState, by: NodeId, urls: readonly string[]): boolean {
  return state.members.some(
    ({ id, peerUrls }) => id !== by && peerUrls.some((url) => urls.includes(url)),
  );
}

function isLastVoter(state: ClusterState, member: MemberRecord): boolean {
  return !member.isLearner && state.members.filter(({ isLearner }) => !isLearner).length === 1;
}

function withMember(state: ClusterState, member: MemberRecord): readonly MemberRecord[] {
  return [...state.members, member].sort((a, b) => a.id - b.id);
}

function replaced(
  state: ClusterState,
  id: NodeId,
  change: (member: MemberRecord) => MemberRecord,
): ClusterState {
  const members = state.members.map((member) => (member.id === id ? change(member) : member));
  return { ...state, members };
}

const ALARMS = ['nospace', 'corrupt'] as const satisfies readonly AlarmType[];
const CHANGES = ['add', 'promote', 'remove', 'update'] as const satisfies readonly Kind[];
type Kind = MembershipChange['kind'];

export function encodeCluster(state: ClusterState): Uint8Array {
  const w = new ByteWriter(256);
  w.varint(state.members.length);
  for (const member of state.members) writeMember(w, member);
  w.varint(state.removed.length);
  for (const id of state.removed) w.varint(id);
  w.varint(state.alarms.length);
  for (const alarm of state.alarms) writeAlarm(w, alarm);
  return w.finish();
}

/** Throws DamagedBytes. */
export function decodeCluster(bytes: Uint8Array): ClusterState {
  const r = new ByteReader(bytes);
  const state: ClusterState = {
    members: readList(r, () => readMember(r)),
    removed: readList(r, () => r.varint()),
    alarms: readList(r, () => readAlarm(r)),
  };
  r.finish();
  return state;
}

export function loadCluster(reader: OrderedReader): ClusterState {
  const bytes = reader.get(CLUSTER);
  return bytes === undefined ? EMPTY_CLUSTER : decodeCluster(bytes);
}

/** A store that never heard of a membership has the same as one with an empty entry. */
export function hashOfCluster(state: ClusterState): Lanes {
  const { members, removed, alarms } = state;
  if (members.length + removed.length + alarms.length === 0) return ZERO_LANES;
  return new Hasher().bytes(encodeCluster(state)).finish();
}

/** A change with who proposed it as which of its proposals: the context of a change entry. */
export interface MembershipEnvelope {
  readonly origin: NodeId;
  readonly sequence: number;
  readonly change: MembershipChange;
}

export function encodeMembershipChange(envelope: MembershipEnvelope): Uint8Array {
  const { change } = envelope;
  const w = new ByteWriter();
  w.varint(envelope.origin);
  w.varint(envelope.sequence);
  w.byte(CHANGES.indexOf(change.kind));
  if (change.kind === 'add') writeMember(w, change.member);
  else w.varint(change.id);
  if (change.kind === 'update') writeTexts(w, change.peerUrls);
  return w.finish();
}

/** Throws DamagedBytes. */
export function decodeMembershipChange(bytes: Uint8Array): MembershipEnvelope {
  const r = new ByteReader(bytes);
  const origin = r.varint();
  const sequence = r.varint();
  const change = readChange(r);
  r.finish();
  return { origin, sequence, change };
}

function readChange(r: ByteReader): MembershipChange {
  const kind = numbered(CHANGES, r.byte(), 'membership change');
  switch (kind) {
    case 'add':
      return { kind, member: readMember(r) };
    case 'update':
      return { kind, id: r.varint(), peerUrls: readTexts(r) };
    default:
      return { kind, id: r.varint() };
  }
}

export function writeAlarm(w: ByteWriter, { memberId, alarm }: AlarmMember): void {
  w.byte(ALARMS.indexOf(alarm));
  w.int64(memberId);
}

export function readAlarm(r: ByteReader): AlarmMember {
  const alarm = numbered(ALARMS, r.byte(), 'alarm');
  return { alarm, memberId: BigInt.asUintN(64, r.int64()) };
}

export function writeTexts(w: ByteWriter, texts: readonly string[]): void {
  w.varint(texts.length);
  for (const text of texts) writeText(w, text);
}

export function readTexts(r: ByteReader): readonly string[] {
  return readList(r, () => readText(r));
}

export function writeText(w: ByteWriter, text: string): void {
  w.bytes(new TextEncoder().encode(text));
}

export function readText(r: ByteReader): string {
  return new TextDecoder().decode(r.bytes());
}

function writeMember(w: ByteWriter, member: MemberRecord): void {
  w.varint(member.id);
  w.byte(member.isLearner ? 1 : 0);
  writeText(w, member.name);
  writeTexts(w, member.peerUrls);
  writeTexts(w, member.clientUrls);
}

function readMember(r: ByteReader): MemberRecord {
  const id = r.varint();
  const flag = r.byte();
  if (flag > 1) throw new DamagedBytes(`a member of role ${flag}`);
  const [name, peerUrls, clientUrls] = [readText(r), readTexts(r), readTexts(r)];
  return { id, name, peerUrls, clientUrls, isLearner: flag === 1 };
}

function readList<T>(r: ByteReader, read: () => T): readonly T[] {
  const count = r.varint();
  if (count > r.remaining) {
    throw new DamagedBytes(`a list of ${count} items in ${r.remaining} bytes`);
  }
  const items: T[] = [];
  for (let i = 0; i < count; i++) items.push(read());
  return items;
}

function numbered<T>(names: readonly T[], number: number, what: string): T {
  const name = names[number];
  if (name === undefined) throw new DamagedBytes(`no ${what} is numbered ${number}`);
  return name;
}
