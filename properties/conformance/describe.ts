/**
 * The words in which etcd-io/raft's scripts describe entries, messages, configurations and
 * progress. The core has none of them: it hands out data, and this is one way to render it.
 */
import type {
  ApplyWork,
  ConfState,
  Entry,
  HardState,
  Message,
  MessageType,
  PersistWork,
  ProgressStatus,
  Role,
  SnapshotMetadata,
} from '../../src/raft/types';
import { decodeChange } from '../../src/raft';
import type { MemberChange, MemberChangeType } from '../../src/raft';

const MESSAGE_NAMES: Readonly<Record<MessageType, string>> = {
  propose: 'MsgProp',
  append: 'MsgApp',
  appendResponse: 'MsgAppResp',
  vote: 'MsgVote',
  voteResponse: 'MsgVoteResp',
  preVote: 'MsgPreVote',
  preVoteResponse: 'MsgPreVoteResp',
  heartbeat: 'MsgHeartbeat',
  heartbeatResponse: 'MsgHeartbeatResp',
  snapshot: 'MsgSnap',
  readIndex: 'MsgReadIndex',
  readIndexResponse: 'MsgReadIndexResp',
  transferLeader: 'MsgTransferLeader',
  timeoutNow: 'MsgTimeoutNow',
  forgetLeader: 'MsgForgetLeader',
  persisted: 'MsgStorageAppendResp',
  applied: 'MsgStorageApplyResp',
};

const ENTRY_NAMES = {
  normal: 'EntryNormal',
  change: 'EntryConfChange',
  changeV2: 'EntryConfChangeV2',
} as const;

const CHANGE_LETTERS: Readonly<Record<MemberChangeType, string>> = {
  addVoter: 'v',
  addLearner: 'l',
  remove: 'r',
  update: 'u',
};

const ROLE_NAMES: Readonly<Record<Role, string>> = {
  follower: 'StateFollower',
  preCandidate: 'StatePreCandidate',
  candidate: 'StateCandidate',
  leader: 'StateLeader',
};

export function messageName(type: MessageType): string {
  return MESSAGE_NAMES[type];
}

/** The message type of that name, or undefined. */
export function messageTypeOf(name: string): MessageType | undefined {
  const types = Object.keys(MESSAGE_NAMES) as MessageType[];
  return types.find((type) => MESSAGE_NAMES[type] === name);
}

export function roleName(role: Role): string {
  return ROLE_NAMES[role];
}

/** Ids as the scripts' logger prints them. */
export function hex(id: number): string {
  return id.toString(16);
}

/** `v1 l2 r3 u4` as changes; an Error says what cannot be read. */
export function parseChanges(text: string): MemberChange[] | Error {
  const changes: MemberChange[] = [];
  for (const token of text.split(/\s+/).filter((word) => word !== '')) {
    const types = Object.keys(CHANGE_LETTERS) as MemberChangeType[];
    const type = types.find((candidate) => CHANGE_LETTERS[candidate] === token[0]);
    if (token.length < 2) return new Error(`unknown token ${token}`);
    if (type === undefined) return new Error(`unknown input: ${token}`);
    const id = Number(token.slice(1));
    if (!Number.isSafeInteger(id) || id < 0) {
      return new Error(`strconv.ParseUint: parsing ${quote(token.slice(1))}: invalid syntax`);
    }
    changes.push({ type, id });
  }
  return changes;
}

export function describeChanges(changes: readonly MemberChange[]): string {
  return changes.map(({ type, id }) => `${CHANGE_LETTERS[type]}${id}`).join(' ');
}

export function describeEntry(entry: Entry): string {
  const head = `${entry.term}/${entry.index} ${ENTRY_NAMES[entry.type]}`;
  if (entry.type === 'normal') return `${head} ${quote(String.fromCharCode(...entry.data))}`;
  const change = decodeChange(entry.data);
  const text = change === undefined ? 'malformed' : describeChanges(change.changes);
  return text === '' ? head : `${head} ${text}`;
}

export function describeEntries(entries: readonly Entry[]): string {
  return entries.map((entry) => `${describeEntry(entry)}\n`).join('');
}

export function describeSnapshot(snapshot: SnapshotMetadata): string {
  const { conf } = snapshot;
  return (
    `Index:${snapshot.index} Term:${snapshot.term} ` +
    `ConfState:Voters:${list(conf.voters)} VotersOutgoing:${list(conf.votersOutgoing)} ` +
    `Learners:${list(conf.learners)} LearnersNext:${list(conf.learnersNext)} ` +
    `AutoLeave:${conf.autoLeave}`
  );
}

/** `voters=(1 2)&&(1) learners=(3) learners_next=(4) autoleave` */
export function describeConf(conf: ConfState): string {
  let text = `voters=${parens(conf.voters)}`;
  if (conf.votersOutgoing.length > 0) text += `&&${parens(conf.votersOutgoing)}`;
  if (conf.learners.length > 0) text += ` learners=${parens(conf.learners)}`;
  if (conf.learnersNext.length > 0) text += ` learners_next=${parens(conf.learnersNext)}`;
  if (conf.autoLeave) text += ' autoleave';
  return text;
}

export function describeProgress(progress: ProgressStatus): string {
  const state = progress.state[0]!.toUpperCase() + progress.state.slice(1);
  let text = `State${state} match=${progress.matchIndex} next=${progress.nextIndex}`;
  if (progress.learner) text += ' learner';
  if (progress.paused) text += ' paused';
  if (progress.pendingSnapshot > 0) text += ` pendingSnap=${progress.pendingSnapshot}`;
  if (!progress.recentActive) text += ' inactive';
  if (progress.inflightMessages > 0) {
    text += ` inflight=${progress.inflightMessages}${progress.inflightsFull ? '[full]' : ''}`;
  }
  return text;
}

/** One line a member, ascending by id. */
export function describeProgressMap(members: readonly ProgressStatus[]): string {
  return members.map((progress) => `${progress.id}: ${describeProgress(progress)}\n`).join('');
}

export function describeHard(hard: HardState): string {
  return `Term:${hard.term}${hard.vote !== 0 ? ` Vote:${hard.vote}` : ''} Commit:${hard.commit}`;
}

/** What the scripts print of a message: etcd's lanes are addressed by messages too. */
interface Described {
  readonly from: string;
  readonly to: string;
  readonly type: string;
  readonly term: number;
  readonly logTerm: number;
  readonly index: number;
  readonly rejectHint: number | undefined;
  readonly commit: number;
  readonly vote: number;
  readonly entries: readonly Entry[];
  readonly snapshot: SnapshotMetadata | undefined;
  readonly responses: readonly Described[];
}

export function describeMessage(message: Message): string {
  return render('', describedMessage(message));
}

/** The message that asks the disk for work, with or without the answers it will give. */
export function describePersist(id: number, work: PersistWork, withAcks: boolean): string {
  return render('', {
    from: String(id),
    to: 'AppendThread',
    type: 'MsgStorageAppend',
    term: work.hard?.term ?? 0,
    logTerm: 0,
    index: 0,
    rejectHint: undefined,
    commit: work.hard?.commit ?? 0,
    vote: work.hard?.vote ?? 0,
    entries: work.entries,
    snapshot: work.snapshot,
    responses: withAcks ? work.acks.map(describedMessage) : [],
  });
}

/** The message that asks the state machine for work. */
export function describeApply(id: number, work: ApplyWork, withAck: boolean): string {
  return render('', {
    from: String(id),
    to: 'ApplyThread',
    type: 'MsgStorageApply',
    term: 0,
    logTerm: 0,
    index: 0,
    rejectHint: undefined,
    commit: 0,
    vote: 0,
    entries: work.entries,
    snapshot: undefined,
    responses: withAck ? [describedMessage(work.ack)] : [],
  });
}

/** A Go string literal of printable ASCII. */
export function quote(text: string): string {
  const escaped = text.replace(/["\\]/g, (char) => `\\${char}`);
  return `"${escaped.replace(/[^ -~]/g, escapeByte)}"`;
}

function escapeByte(char: string): string {
  if (char === '\n') return '\\n';
  if (char === '\t') return '\\t';
  if (char === '\r') return '\\r';
  return `\\x${char.charCodeAt(0).toString(16).padStart(2, '0')}`;
}

function describedMessage(message: Message): Described {
  const { type } = message;
  const lane = type === 'persisted' ? 'AppendThread' : type === 'applied' ? 'ApplyThread' : '';
  return {
    from: lane === '' ? String(message.from) : lane,
    to: String(message.to),
    type: MESSAGE_NAMES[type],
    term: message.term,
    logTerm: message.logTerm,
    index: type === 'applied' ? 0 : message.index,
    rejectHint: message.reject ? message.rejectHint : undefined,
    commit: message.commit,
    vote: 0,
    entries: message.entries,
    snapshot: message.snapshot,
    responses: [],
  };
}

function render(indent: string, message: Described): string {
  let text = `${indent}${message.from}->${message.to} ${message.type} Term:${message.term}`;
  text += ` Log:${message.logTerm}/${message.index}`;
  if (message.rejectHint !== undefined) text += ` Rejected (Hint: ${message.rejectHint})`;
  if (message.commit !== 0) text += ` Commit:${message.commit}`;
  if (message.vote !== 0) text += ` Vote:${message.vote}`;
  if (message.entries.length === 1) text += ` Entries:[${describeEntry(message.entries[0]!)}]`;
  else if (message.entries.length > 1) {
    text += ' Entries:[';
    for (const entry of message.entries) text += `\n${indent}  ${describeEntry(entry)}`;
    text += `\n${indent}]`;
  }
  if (message.snapshot !== undefined) {
    text += `\n${indent}  Snapshot: ${describeSnapshot(message.snapshot)}`;
  }
  if (message.responses.length > 0) {
    text += ' Responses:[';
    for (const response of message.responses) text += `\n${render(`${indent}  `, response)}`;
    text += `\n${indent}]`;
  }
  return text;
}

function list(ids: readonly number[]): string {
  return `[${ids.join(' ')}]`;
}

function parens(ids: readonly number[]): string {
  return `(${ids.join(' ')})`;
}
