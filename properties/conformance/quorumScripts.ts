/**
 * Scripts about quorums: `committed` and `vote`, for a majority or a joint configuration.
 *
 * Each answer is computed in a second way as well (halves exchanged, or joint with the empty
 * configuration and with itself); a difference is printed and thereby fails the script.
 */
import { jointVote, majorityIndex, majorityVote, type VoteResult } from '../../src/raft/quorum';
import type { Index, NodeId } from '../../src/raft/types';
import { valuesOf, type Directive } from './datadriven';

const RESULT_NAMES: Readonly<Record<VoteResult, string>> = {
  won: 'VoteWon',
  lost: 'VoteLost',
  pending: 'VotePending',
};

interface Question {
  readonly joint: boolean;
  readonly first: readonly NodeId[];
  readonly second: readonly NodeId[];
  /** What each voter says, as the script spells it; voters that say nothing are absent. */
  readonly said: ReadonlyMap<NodeId, string>;
}

export function handleQuorum(directive: Directive): string {
  const question = parse(directive);
  if (typeof question === 'string') return question;
  if (directive.command === 'committed') return answerCommitted(question);
  if (directive.command === 'vote') return answerVote(question);
  return 'unknown command';
}

function parse(directive: Directive): Question | string {
  const problem = problemOf(directive);
  if (problem !== undefined) return problem;
  const ids = (key: string): NodeId[] => (valuesOf(directive, key) ?? []).map(Number);
  const second = valuesOf(directive, 'cfgj');
  const zero = second?.[0] === 'zero';
  const halves = { first: unique(ids('cfg')), second: zero ? [] : unique(ids('cfgj')) };
  const voters = unique([...halves.first, ...halves.second]);
  const input = valuesOf(directive, directive.command === 'vote' ? 'votes' : 'idx') ?? [];
  if (voters.length !== input.length) {
    const names = sorted(voters).map((id) => `${id}:{}`);
    return (
      `error: mismatched input (explicit or _) for voters map[${names.join(' ')}]: ` +
      `[${input.join(' ')}]`
    );
  }
  const said = new Map<NodeId, string>();
  voters.forEach((id, i) => {
    if (input[i] !== '_') said.set(id, input[i]!);
  });
  return { joint: second !== undefined, ...halves, said };
}

const ARGUMENTS: Readonly<Record<string, RegExp>> = {
  cfg: /^[1-9]\d*$/,
  cfgj: /^(?:[1-9]\d*|zero)$/,
  idx: /^(?:[1-9]\d*|_)$/,
  votes: /^[yn_]$/,
};

/** What is wrong with the arguments; undefined when nothing is. */
function problemOf({ args }: Directive): string | undefined {
  for (const { key, values } of args) {
    const pattern = ARGUMENTS[key];
    if (pattern === undefined) return `unknown argument ${key}`;
    const wrong = values.find((value) => !pattern.test(value));
    if (wrong !== undefined) return `${key} cannot be "${wrong}"`;
    if (values.length > 1 && values.includes('zero')) {
      return 'cannot mix "zero" into a configuration';
    }
  }
  return undefined;
}

function answerCommitted({ joint, first, second, said }: Question): string {
  const at = (voters: readonly NodeId[]): Index =>
    majorityIndex(
      voters.map((id) => Number(said.get(id) ?? 0)),
      voters.length,
    );
  const both = (a: readonly NodeId[], b: readonly NodeId[]): Index => Math.min(at(a), at(b));
  const index = joint ? both(first, second) : at(first);
  let text = describe(sorted(unique([...first, ...second])), said);
  const check = (other: Index, how: string): void => {
    if (other !== index) text += `${show(other)} <-- via ${how}\n`;
  };
  if (joint) {
    check(both(second, first), 'symmetry');
  } else {
    check(both(first, []), 'zero-joint quorum');
    check(both(first, first), 'self-joint quorum');
    check(byDefinition(first, said), 'alternative computation');
  }
  return `${text}${show(index)}\n`;
}

function answerVote({ joint, first, second, said }: Question): string {
  const votes = new Map([...said].map(([id, vote]) => [id, vote === 'y']));
  const result = joint ? jointVote(first, second, votes) : majorityVote(first, votes);
  const other = joint ? jointVote(second, first, votes) : jointVote(first, first, votes);
  let text = '';
  if (other !== result) text += `${RESULT_NAMES[other]} <-- via symmetry\n`;
  return `${text}${RESULT_NAMES[result]}\n`;
}

/** The largest index that more than half of the voters have reached, by trying each. */
function byDefinition(voters: readonly NodeId[], said: ReadonlyMap<NodeId, string>): Index {
  if (voters.length === 0) return Infinity;
  const indices = voters.map((id) => Number(said.get(id) ?? 0));
  const reached = indices.filter(
    (index) => indices.filter((other) => other >= index).length * 2 > voters.length,
  );
  return Math.max(0, ...reached);
}

/** A bar for each voter, as long as the number of voters behind it. */
function describe(voters: readonly NodeId[], said: ReadonlyMap<NodeId, string>): string {
  if (voters.length === 0) return '<empty majority quorum>';
  const width = voters.length;
  const index = (id: NodeId): Index => Number(said.get(id) ?? 0);
  let text = `${' '.repeat(width)}    idx\n`;
  for (const id of voters) {
    const behind = voters.filter((other) => index(other) < index(id)).length;
    text += said.has(id)
      ? `${'x'.repeat(behind)}>${' '.repeat(width - behind)}`
      : `?${' '.repeat(width)}`;
    text += ` ${String(index(id)).padStart(5)}    (id=${id})\n`;
  }
  return text;
}

function show(index: Index): string {
  return index === Infinity ? '∞' : String(index);
}

function unique(ids: readonly NodeId[]): readonly NodeId[] {
  return [...new Set(ids)];
}

function sorted(ids: readonly NodeId[]): readonly NodeId[] {
  return [...ids].sort((a, b) => a - b);
}
