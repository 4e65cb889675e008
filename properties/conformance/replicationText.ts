/**
 * The trace events of replication, snapshots and leader transfer in the words of etcd-io/raft's
 * logger; the other half of traceText.ts.
 */
import type { ProgressEvent, TraceEvent, TransferEvent } from '../../src/raft';
import { describeConf, describeProgress, hex, roleName } from './describe';
import { debug, info, warn, type TraceLine } from './traceLine';

export function leaderLine(me: string, event: TraceEvent): TraceLine | undefined {
  switch (event.kind) {
    case 'rejectionReceived':
      return debug(
        `${me} received MsgAppResp(rejected, hint: (index ${event.hintIndex}, ` +
          `term ${event.hintTerm})) from ${hex(event.from)} for index ${event.index}`,
      );
    case 'snapshotSent':
      return debug(
        `${me} [firstindex: ${event.firstIndex}, commit: ${event.commitIndex}] sent snapshot` +
          `[index: ${event.snapshot.index}, term: ${event.snapshot.term}] ` +
          `to ${hex(event.progress.id)} [${describeProgress(event.progress)}]`,
      );
    case 'snapshotWithheld':
      return debug(
        event.reason === 'inactive'
          ? `ignore sending snapshot to ${hex(event.to)} since it is not recently active`
          : `${me} failed to send snapshot to ${hex(event.to)} because snapshot is ` +
              `temporarily unavailable`,
      );
    case 'noProgress':
      return debug(`${me} no progress available for ${hex(event.from)}`);
    case 'progressDecreased':
    case 'replicationPaused':
    case 'snapshotAcknowledged':
    case 'snapshotSucceeded':
    case 'snapshotFailed':
    case 'peerUnreachable':
      return debug(progressText(me, event));
    default:
      return undefined;
  }
}

function progressText(me: string, event: ProgressEvent): string {
  const id = hex(event.progress.id);
  const progress = `[${describeProgress(event.progress)}]`;
  const resumed = `resumed sending replication messages to ${id} ${progress}`;
  switch (event.kind) {
    case 'progressDecreased':
      return `${me} decreased progress of ${id} to ${progress}`;
    case 'replicationPaused':
      return `${me} paused sending replication messages to ${id} ${progress}`;
    case 'snapshotAcknowledged':
      return `${me} recovered from needing snapshot, ${resumed}`;
    case 'snapshotSucceeded':
      return `${me} snapshot succeeded, ${resumed}`;
    case 'snapshotFailed':
      return `${me} snapshot failed, ${resumed}`;
    case 'peerUnreachable':
      return `${me} failed to send message to ${id} because it is unreachable ${progress}`;
  }
}

export function followerLine(me: string, event: TraceEvent): TraceLine | undefined {
  switch (event.kind) {
    case 'appendRefused':
      return debug(
        `${me} [logterm: ${event.ownTerm}, index: ${event.index}] rejected MsgApp ` +
          `[logterm: ${event.messageTerm}, index: ${event.index}] from ${hex(event.from)}`,
      );
    case 'conflictFound':
      return info(
        `found conflict at index ${event.index} [existing term: ${event.existingTerm}, ` +
          `conflicting term: ${event.conflictingTerm}]`,
      );
    case 'unstableReplaced':
      return info(`replace the unstable entries from index ${event.index}`);
    case 'unstableTruncated':
      return info(`truncate the unstable entries before index ${event.index}`);
    case 'persistedIgnored':
      return info(
        event.reason === 'gone'
          ? `entry at index ${event.index} missing from unstable log; ignoring`
          : `entry at index ${event.index} matched unstable snapshot; ignoring`,
      );
    case 'persistedMismatch':
      return info(
        `entry at (index,term)=(${event.index},${event.term}) mismatched with entry at ` +
          `(${event.index},${event.ownTerm}) in unstable log; ignoring`,
      );
    case 'persistedOfOldTerm':
      return info(
        `${me} [term: ${event.term}] ignored entry appends from a MsgStorageAppendResp ` +
          `message with lower term [term: ${event.messageTerm}]`,
      );
    default:
      return snapshotLine(me, event);
  }
}

function snapshotLine(me: string, event: TraceEvent): TraceLine | undefined {
  switch (event.kind) {
    case 'restoreStarted':
      return info(
        `log [committed=${event.commitIndex}, applied=${event.appliedIndex}, ` +
          `applying=${event.applyingIndex}, unstable.offset=${event.unstableFirst}, ` +
          `unstable.offsetInProgress=${event.unstableNext}, ` +
          `len(unstable.Entries)=${event.unstableLength}] starts to restore snapshot ` +
          `[index: ${event.snapshot.index}, term: ${event.snapshot.term}]`,
      );
    case 'restored':
    case 'fastForwarded':
      return info(
        `${me} [commit: ${event.commitIndex}, lastindex: ${event.lastIndex}, ` +
          `lastterm: ${event.lastTerm}] ` +
          `${event.kind === 'restored' ? 'restored' : 'fast-forwarded commit to'} snapshot ` +
          `[index: ${event.snapshot.index}, term: ${event.snapshot.term}]`,
      );
    case 'snapshotAccepted':
    case 'snapshotIgnored':
      return info(
        `${me} [commit: ${event.commitIndex}] ` +
          `${event.kind === 'snapshotAccepted' ? 'restored' : 'ignored'} snapshot ` +
          `[index: ${event.snapshot.index}, term: ${event.snapshot.term}]`,
      );
    case 'snapshotNotForUs':
      return warn(
        `${me} attempted to restore snapshot but it is not in the ConfState ` +
          `${describeConf(event.conf)}; should never happen`,
      );
    default:
      return undefined;
  }
}

export function transferLine(me: string, event: TraceEvent): TraceLine {
  switch (event.kind) {
    case 'transferIgnored':
      return debug(
        event.reason === 'learner'
          ? `${me} is learner. Ignored transferring leadership`
          : `${me} is already leader. Ignored transferring leadership to self`,
      );
    case 'transferDropped':
      return info(`${me} no leader at term ${event.term}; dropping leader transfer msg`);
    case 'readDropped':
      return info(`${me} no leader at term ${event.term}; dropping index reading msg`);
    case 'transferStarted':
    case 'transferInProgress':
    case 'transferReplaced':
    case 'transferImmediate':
    case 'transferCaughtUp':
    case 'timeoutNowReceived':
      return info(transferText(me, event));
    case 'timeoutNowIgnored':
      return debug(transferText(me, event));
    default:
      throw new Error(`no words for the trace event "${event.kind}"`);
  }
}

function transferText(me: string, event: TransferEvent): string {
  const peer = hex(event.peer);
  const head = `${me} [term ${event.term}]`;
  switch (event.kind) {
    case 'transferStarted':
      return `${head} starts to transfer leadership to ${peer}`;
    case 'transferInProgress':
      return (
        `${head} transfer leadership to ${peer} is in progress, ignores request ` +
        `to same node ${peer}`
      );
    case 'transferReplaced':
      return `${head} abort previous transferring leadership to ${peer}`;
    case 'transferImmediate':
      return (
        `${me} sends MsgTimeoutNow to ${peer} immediately as ${peer} already has ` +
        `up-to-date log`
      );
    case 'transferCaughtUp':
      return `${me} sent MsgTimeoutNow to ${peer} after received MsgAppResp`;
    case 'timeoutNowReceived':
      return (
        `${head} received MsgTimeoutNow from ${peer} ` + `and starts an election to get leadership.`
      );
    case 'timeoutNowIgnored':
      return (
        `${me} [term ${event.term} state ${roleName(event.role)}] ` +
        `ignored MsgTimeoutNow from ${peer}`
      );
  }
}
