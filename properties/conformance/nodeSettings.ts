/** The arguments of `add-nodes`, with the values that the scripts assume where they are silent. */
import type { NodeId, SnapshotMetadata } from '../../src/raft/types';
import { EMPTY_CONF } from '../../src/raft';
import { valuesOf, type Directive } from './datadriven';
import { DirectiveError } from './environment';
import type { NodeSettings } from './scriptNode';

const KNOWN = new Set([
  'voters',
  'learners',
  'index',
  'content',
  'inflight',
  'async-storage-writes',
  'prevote',
  'checkquorum',
  'max-committed-size-per-ready',
  'disable-conf-change-validation',
  'read-only',
  'step-down-on-removal',
  // Ours.
  'inflight-bytes',
  'message-bytes',
  'uncommitted-bytes',
  'apply-bytes',
  'forward-proposals',
  'allow-self-removal',
  'max-pending-reads',
]);

export function nodeSettings(
  directive: Directive,
  electionTicks: number,
  heartbeatTicks: number,
): NodeSettings {
  for (const { key, values } of directive.args) {
    if (values.length > 0 && !KNOWN.has(key)) throw new DirectiveError(`unknown argument ${key}`);
  }
  const limit = (key: string): number => {
    const value = Number(valuesOf(directive, key)?.[0] ?? Infinity);
    if (!(value >= 0)) throw new DirectiveError(`${key} is not a number`);
    return value;
  };
  const flag = (key: string, absent: boolean): boolean => {
    const value = valuesOf(directive, key)?.[0];
    return value === undefined ? absent : value === 'true';
  };
  const snapshot = startOf(directive);
  const asyncWrites = flag('async-storage-writes', false);
  const readOnly = valuesOf(directive, 'read-only')?.[0] ?? 'safe';
  if (readOnly !== 'safe' && readOnly !== 'lease-based') {
    throw new DirectiveError(`invalid read-only option "${readOnly}"`);
  }
  return {
    asyncWrites,
    snapshot,
    options: {
      applied: snapshot?.index ?? 0,
      electionTicks,
      heartbeatTicks,
      preVote: flag('prevote', false),
      checkQuorum: flag('checkquorum', false),
      readOnly: readOnly === 'safe' ? 'safe' : 'lease',
      // Time stands still in a script.
      nowMs: () => 0,
      electionTimeoutMs: 1000,
      stepDownOnRemoval: flag('step-down-on-removal', false),
      allowSelfRemoval: flag('allow-self-removal', true),
      validateChanges: !flag('disable-conf-change-validation', false),
      forwardProposals: flag('forward-proposals', true),
      applyUnstable: !asyncWrites,
      maxMessageBytes: limit('message-bytes'),
      maxInflightMessages: limit('inflight'),
      maxInflightBytes: limit('inflight-bytes'),
      maxUncommittedBytes: limit('uncommitted-bytes'),
      maxApplyingBytes: Math.min(limit('max-committed-size-per-ready'), limit('apply-bytes')),
      maxPendingReads: limit('max-pending-reads'),
    },
  };
}

/** The state that all nodes begin with: a snapshot, or nothing. */
function startOf(directive: Directive): SnapshotMetadata | undefined {
  const ids = (key: string): NodeId[] => (valuesOf(directive, key) ?? []).map(Number);
  const voters = ids('voters');
  const learners = ids('learners');
  const index = Number(valuesOf(directive, 'index')?.[0] ?? 0);
  const content = valuesOf(directive, 'content');
  if (voters.length === 0 && learners.length === 0 && index === 0 && content === undefined) {
    return undefined;
  }
  if (index <= 1) {
    throw new DirectiveError('index must be specified as > 1 due to bootstrap');
  }
  return { index, term: 1, conf: { ...EMPTY_CONF, voters, learners } };
}
