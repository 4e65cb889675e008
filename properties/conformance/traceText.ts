/**
 * The core's typed trace events in the words of etcd-io/raft's logger, with their level. The
 * scripts compare these lines too, which checks that the core does things for the same reason.
 */
import type { ConfChange, TraceEvent } from '../../src/raft';
import { describeConf, hex, messageName } from './describe';
import { followerLine, leaderLine, transferLine } from './replicationText';
import { debug, info, warn, type EventOf, type TraceLine } from './traceLine';

const CHANGE_NAMES = {
  addVoter: 'ConfChangeAddNode',
  remove: 'ConfChangeRemoveNode',
  update: 'ConfChangeUpdateNode',
  addLearner: 'ConfChangeAddLearnerNode',
} as const;

const TRANSITION_NAMES = {
  auto: 'ConfChangeTransitionAuto',
  implicit: 'ConfChangeTransitionJointImplicit',
  explicit: 'ConfChangeTransitionJointExplicit',
} as const;

const ROLE_WORDS = {
  follower: 'follower',
  preCandidate: 'pre-candidate',
  candidate: 'candidate',
  leader: 'leader',
} as const;

/** The line for an event on the node `id`. */
export function traceLine(id: number, event: TraceEvent): TraceLine {
  const me = hex(id);
  return (
    roleLine(me, event) ??
    electionLine(me, event) ??
    proposalLine(me, event) ??
    leaderLine(me, event) ??
    followerLine(me, event) ??
    transferLine(me, event)
  );
}

function roleLine(me: string, event: TraceEvent): TraceLine | undefined {
  switch (event.kind) {
    case 'started':
      return info(
        `newRaft ${me} [peers: [${event.voters.map(hex).join(',')}], term: ${event.term}, ` +
          `commit: ${event.commitIndex}, applied: ${event.appliedIndex}, ` +
          `lastindex: ${event.lastIndex}, lastterm: ${event.lastTerm}]`,
      );
    case 'switchedConfiguration':
      return info(`${me} switched to configuration ${describeConf(event.conf)}`);
    case 'changeFailed':
      return warn(`${me} cannot apply ${describeChange(event.change, 2)}: ${event.reason}`);
    case 'becameRole':
      return info(`${me} became ${ROLE_WORDS[event.role]} at term ${event.term}`);
    case 'leaderForgotten':
      return info(`${me} forgetting leader ${hex(event.leader)} at term ${event.term}`);
    case 'forgetLeaderRefused':
      return { level: 'ERROR', text: 'ignoring MsgForgetLeader due to ReadOnlyLeaseBased' };
    case 'quorumLost':
      return warn(`${me} stepped down to follower since quorum is not active`);
    case 'higherTerm':
      return info(
        `${me} [term: ${event.term}] received a ${messageName(event.message)} message ` +
          `with higher term from ${hex(event.from)} [term: ${event.messageTerm}]`,
      );
    case 'lowerTermIgnored':
      return info(
        `${me} [term: ${event.term}] ignored a ${messageName(event.message)} message ` +
          `with lower term from ${hex(event.from)} [term: ${event.messageTerm}]`,
      );
    default:
      return undefined;
  }
}

function electionLine(me: string, event: TraceEvent): TraceLine | undefined {
  switch (event.kind) {
    case 'electionStarted':
      return info(`${me} is starting a new election at term ${event.term}`);
    case 'campaignIgnored':
      if (event.reason === 'alreadyLeader') {
        return debug(`${me} ignoring MsgHup because already leader`);
      }
      if (event.reason === 'lease') return info(`${me} cannot campaign within a leader's lease`);
      return warn(`${me} is unpromotable and can not campaign`);
    case 'campaignBlocked':
      return warn(
        `${me} cannot campaign at term ${event.term} since there are still pending ` +
          `configuration changes to apply`,
      );
    case 'voteRequested':
      return info(
        `${me} [logterm: ${event.lastTerm}, index: ${event.lastIndex}] sent ` +
          `${messageName(event.request)} request to ${hex(event.to)} at term ${event.term}`,
      );
    case 'voteReceived':
      return info(
        `${me} received ${responseName(event.request)}${event.granted ? '' : ' rejection'} ` +
          `from ${hex(event.from)} at term ${event.term}`,
      );
    case 'votesCounted':
      return info(
        `${me} has received ${event.granted} ${responseName(event.request)} votes ` +
          `and ${event.rejected} vote rejections`,
      );
    case 'voteCast':
    case 'voteRefused':
    case 'voteIgnoredInLease':
      return info(voteText(me, event));
    default:
      return undefined;
  }
}

function responseName(request: 'vote' | 'preVote'): string {
  return messageName(request === 'vote' ? 'voteResponse' : 'preVoteResponse');
}

function voteText(
  me: string,
  event: EventOf<'voteCast'> | EventOf<'voteRefused'> | EventOf<'voteIgnoredInLease'>,
): string {
  const own = `[logterm: ${event.lastTerm}, index: ${event.lastIndex}, vote: ${hex(event.vote)}]`;
  const theirs = `[logterm: ${event.candidateTerm}, index: ${event.candidateIndex}]`;
  const request = messageName(event.request);
  const from = hex(event.from);
  if (event.kind === 'voteCast') {
    return `${me} ${own} cast ${request} for ${from} ${theirs} at term ${event.term}`;
  }
  if (event.kind === 'voteRefused') {
    return `${me} ${own} rejected ${request} from ${from} ${theirs} at term ${event.term}`;
  }
  return (
    `${me} ${own} ignored ${request} from ${from} ${theirs} at term ${event.term}: ` +
    `lease is not expired (remaining ticks: ${event.remainingTicks})`
  );
}

function proposalLine(me: string, event: TraceEvent): TraceLine | undefined {
  switch (event.kind) {
    case 'proposalDropped':
      return droppedLine(me, event);
    case 'changeIgnored':
      return info(
        `${me} ignoring conf change ${describeChange(event.change, event.version)} ` +
          `at config ${describeConf(event.conf)}: ${refusalText(event)}`,
      );
    case 'malformedChangeIgnored':
      return warn(`${me} ignoring malformed conf change at index ${event.index}`);
    case 'autoLeave': {
      const conf = describeConf(event.conf);
      return event.proposed
        ? info(`initiating automatic transition out of joint configuration ${conf}`)
        : debug(
            `not initiating automatic transition out of joint configuration ${conf}: ` +
              `raft proposal dropped`,
          );
    }
    default:
      return undefined;
  }
}

function droppedLine(me: string, event: EventOf<'proposalDropped'>): TraceLine {
  switch (event.reason) {
    case 'noLeader':
      return info(`${me} no leader at term ${event.term}; dropping proposal`);
    case 'notForwarding':
      return info(
        `${me} not forwarding to leader ${hex(event.leader)} at term ${event.term}; ` +
          `dropping proposal`,
      );
    case 'transferring':
      return debug(
        `${me} [term ${event.term}] transfer leadership to ${hex(event.transferee)} ` +
          `is in progress; dropping proposal`,
      );
    case 'tooManyBytes':
      return warn(
        `${me} appending new entries to log would exceed uncommitted entry size limit; ` +
          `dropping proposal`,
      );
  }
}

function refusalText(event: EventOf<'changeIgnored'>): string {
  switch (event.reason) {
    case 'changePending':
      return (
        `possible unapplied conf change at index ${event.pendingIndex} ` +
        `(applied to ${event.appliedIndex})`
      );
    case 'mustLeaveJoint':
      return 'must transition out of joint config first';
    case 'notJoint':
      return 'not in joint state; refusing empty conf change';
    case 'selfRemoval':
      return 'it would remove the leader';
  }
}

/** A change in protobuf's text format. */
function describeChange(change: ConfChange, version: 1 | 2): string {
  const changes = change.changes.map(({ type, id }) => `type:${CHANGE_NAMES[type]} node_id:${id}`);
  if (version === 1) return changes.join(' ');
  const wrapped = changes.map((text) => `changes:{${text}}`);
  return [`transition:${TRANSITION_NAMES[change.transition]}`, ...wrapped].join(' ');
}
