/**
 * The commands of interaction scripts: one function each, by name.
 *
 * The commands of etcd-io/raft's scripts, and four of our own, which say what theirs cannot:
 * `read-index`, `restart`, `propose-batch` and `report-snapshot`.
 */
import type { ConfState, NodeId } from '../../src/raft/types';
import type { Transition } from '../../src/raft';
import { parseCommand, valuesOf, wordsOf, type Directive } from './datadriven';
import {
  describeEntries,
  describeMessage,
  describeProgressMap,
  messageTypeOf,
  parseChanges,
  roleName,
} from './describe';
import { DirectiveError, Environment, proposalError } from './environment';
import { emptyMessage, RaftError, votersOf } from '../../src/raft';
import { LEVELS } from './traceLine';
import { nodeSettings } from './nodeSettings';

const ELECTION_TICKS = 3;
const HEARTBEAT_TICKS = 1;

type Command = (env: Environment, directive: Directive) => void;

const COMMANDS: Readonly<Record<string, Command>> = {
  _breakpoint: () => undefined,
  'add-nodes': addNodes,
  campaign: (env, directive) => firstNode(env, directive).campaign(),
  compact,
  'deliver-msgs': deliverMessages,
  'forget-leader': (env, directive) => firstNode(env, directive).forgetLeader(),
  'log-level': (env, directive) => setLevel(env, wordsOf(directive)[0]),
  'process-append-thread': (env, directive) =>
    eachNode(env, directive, 'processing append thread', (id) => {
      if (!env.processAppendThread(id)) env.print('no append work to perform');
    }),
  'process-apply-thread': (env, directive) =>
    eachNode(env, directive, 'processing apply thread', (id) => {
      if (!env.processApplyThread(id)) env.print('no apply work to perform');
    }),
  'process-ready': (env, directive) =>
    eachNode(env, directive, 'handling Ready', (id) => env.processReady(id)),
  propose,
  'propose-batch': proposeBatch,
  'propose-conf-change': proposeChange,
  'raft-log': (env, directive) => printLog(env, nodeIds(directive)[0]!),
  'raft-state': printStates,
  'read-index': readIndex,
  'report-snapshot': reportSnapshot,
  'report-unreachable': reportUnreachable,
  restart: (env, directive) => env.restart(nodeIds(directive)[0]!),
  'send-snapshot': sendSnapshot,
  'set-randomized-election-timeout': setElectionTimeout,
  stabilize,
  status: printStatus,
  'tick-election': (env, directive) => tick(env, directive, ELECTION_TICKS),
  'tick-heartbeat': (env, directive) => tick(env, directive, HEARTBEAT_TICKS),
  'transfer-leadership': transferLeadership,
};

/** Commands whose input is their own; that of all others is more commands, one in a line. */
const TAKES_INPUT = new Set(['propose-conf-change']);

/** Handles the directives of one script against a fresh environment. */
export function interactionHandler(): (directive: Directive) => string {
  const env = new Environment();
  return (directive) => handle(env, directive);
}

function handle(env: Environment, directive: Directive): string {
  const { input, line, command } = directive;
  let errors = run(env, directive);
  if (errors === '' && input !== '' && !TAKES_INPUT.has(command)) {
    for (const [i, text] of input.split('\n').entries()) {
      const at = line + 1 + i;
      const error = run(env, { ...directive, input: '', line: at, ...parseCommand(text, at) });
      if (env.quiet) errors ||= error;
      else env.printRaw(error);
    }
  }
  // Errors are printed at every level.
  const output = env.takeOutput() + errors;
  return output === '' ? 'ok' : output;
}

/** Runs one command; returns what went wrong, or nothing. */
function run(env: Environment, directive: Directive): string {
  try {
    const command = COMMANDS[directive.command];
    if (command === undefined) throw new DirectiveError('unknown command');
    command(env, directive);
    return '';
  } catch (thrown) {
    if (thrown instanceof DirectiveError || thrown instanceof RaftError) return thrown.message;
    // A defect of this harness, or a script that asks for what it cannot do: no script expects
    // this text, so its file fails and the others still run.
    return `the harness failed at "${directive.command}": ${String(thrown)}`;
  }
}

function nodeIds(directive: Directive): readonly NodeId[] {
  return wordsOf(directive).map((word) => number(word));
}

function number(word: string | undefined): number {
  const value = Number(word);
  if (word === undefined || !Number.isSafeInteger(value) || value < 0) {
    throw new DirectiveError(`"${word}" is not a number`);
  }
  return value;
}

function firstNode(env: Environment, directive: Directive): Environment['nodes'][number]['node'] {
  return env.node(number(wordsOf(directive)[0])).node;
}

function option(directive: Directive, key: string): string | undefined {
  return valuesOf(directive, key)?.[0];
}

/** Runs `run` for each node named, under a heading if there are several. */
function eachNode(
  env: Environment,
  directive: Directive,
  heading: string,
  run: (id: NodeId) => void,
): void {
  const ids = nodeIds(directive);
  for (const id of ids) {
    if (ids.length === 1) {
      run(id);
      continue;
    }
    env.print(`> ${id} ${heading}`);
    env.indented(() => run(id));
  }
}

function addNodes(env: Environment, directive: Directive): void {
  const count = number(wordsOf(directive)[0]);
  env.addNodes(count, nodeSettings(directive, ELECTION_TICKS, HEARTBEAT_TICKS));
}

function compact(env: Environment, directive: Directive): void {
  const [id, index] = nodeIds(directive);
  env.node(id!).log.compact(index!);
  printLog(env, id!);
}

function deliverMessages(env: Environment, directive: Directive): void {
  const name = option(directive, 'type');
  const type = name === undefined ? undefined : messageTypeOf(name);
  if (name !== undefined && type === undefined) {
    throw new DirectiveError(`unknown message type ${name}`);
  }
  let count = 0;
  for (const argument of directive.args) {
    if (argument.key === 'type') continue;
    if (argument.values.length > 0 && argument.key !== 'drop') {
      throw new DirectiveError(`unknown argument ${argument.key}`);
    }
    if (argument.values.length === 0) count += env.deliver(number(argument.key), type, false);
    else for (const id of argument.values) count += env.deliver(number(id), type, true);
  }
  if (count === 0) env.print('no messages');
}

function setLevel(env: Environment, name: string | undefined): void {
  const level = LEVELS.find((candidate) => candidate === name?.toUpperCase());
  if (level === undefined) {
    throw new DirectiveError(`log levels must be either of [${LEVELS.join(' ')}]`);
  }
  env.level = level;
}

function propose(env: Environment, directive: Directive): void {
  const [, data] = wordsOf(directive);
  proposeAll(env, directive, [data ?? '']);
}

/** `propose-batch 1 a b c`: three entries in one proposal. */
function proposeBatch(env: Environment, directive: Directive): void {
  proposeAll(env, directive, wordsOf(directive).slice(1));
}

function proposeAll(env: Environment, directive: Directive, data: readonly string[]): void {
  const batch = data.map((text) => Uint8Array.from(text, (char) => char.charCodeAt(0)));
  const error = proposalError(firstNode(env, directive).propose(batch));
  if (error !== undefined) throw new DirectiveError(error);
}

function proposeChange(env: Environment, directive: Directive): void {
  const transition = option(directive, 'transition') ?? 'auto';
  if (!isTransition(transition)) throw new DirectiveError(`unknown transition ${transition}`);
  for (const { key, values } of directive.args) {
    if (values.length > 0 && key !== 'v1' && key !== 'transition') {
      throw new DirectiveError(`unknown command ${key}`);
    }
  }
  const changes = parseChanges(directive.input);
  if (changes instanceof Error) throw new DirectiveError(changes.message);
  const version = option(directive, 'v1') === 'true' ? 1 : 2;
  if (version === 1 && (changes.length > 1 || transition !== 'auto')) {
    throw new DirectiveError('v1 conf change can only have one operation and no transition');
  }
  const change = { transition, changes, context: new Uint8Array(0) };
  const error = proposalError(firstNode(env, directive).proposeChange(change, version));
  if (error !== undefined) throw new DirectiveError(error);
}

function isTransition(word: string): word is Transition {
  return word === 'auto' || word === 'implicit' || word === 'explicit';
}

function printLog(env: Environment, id: NodeId): void {
  const { log } = env.node(id);
  const first = log.firstIndex();
  const last = log.lastIndex();
  if (last < first) env.print(`log is empty: first index=${first}, last index=${last}`);
  else env.print(describeEntries(log.entries(first, last + 1, Infinity)!));
}

function printStates(env: Environment): void {
  for (const { id, node } of env.nodes) {
    const voter = isVoter(node.conf, id) ? 'Voter' : 'Non-Voter';
    env.print(`${id}: ${roleName(node.role)} (${voter}) Term:${node.term} Lead:${node.leader}`);
  }
}

function isVoter(conf: ConfState, id: NodeId): boolean {
  return votersOf(conf).includes(id);
}

function printStatus(env: Environment, directive: Directive): void {
  const node = firstNode(env, directive);
  if (node.role === 'leader') env.print(describeProgressMap(node.progress));
}

/** `read-index 2 token=7`: the answer shows in a later Ready as ReadStates. */
function readIndex(env: Environment, directive: Directive): void {
  const outcome = firstNode(env, directive).readIndex(number(option(directive, 'token')));
  if (outcome !== 'accepted') throw new DirectiveError(`read refused: ${outcome}`);
}

/** `report-snapshot 1 3 ok=false` */
function reportSnapshot(env: Environment, directive: Directive): void {
  const [on, about] = nodeIds(directive);
  env.node(on!).node.reportSnapshot(about!, option(directive, 'ok') !== 'false');
}

function reportUnreachable(env: Environment, directive: Directive): void {
  const ids = nodeIds(directive);
  if (ids.length !== 2) {
    throw new DirectiveError(
      'must specify exactly two node indexes: node on which to report, and reported node',
    );
  }
  env.node(ids[0]!).node.reportUnreachable(ids[1]!);
}

function sendSnapshot(env: Environment, directive: Directive): void {
  const [from, to] = nodeIds(directive);
  const { node, log } = env.node(from!);
  const message = emptyMessage('snapshot', from!, to!, node.term);
  message.snapshot = log.snapshot();
  env.messages.push(message);
  env.print(describeMessage(message));
}

function setElectionTimeout(env: Environment, directive: Directive): void {
  firstNode(env, directive).electionTimeoutTicks = number(option(directive, 'timeout'));
}

function stabilize(env: Environment, directive: Directive): void {
  const before = env.level;
  const level = option(directive, 'log-level');
  if (level !== undefined) setLevel(env, level);
  try {
    env.stabilize(nodeIds(directive));
  } finally {
    env.level = before;
  }
}

function tick(env: Environment, directive: Directive, count: number): void {
  const node = firstNode(env, directive);
  for (let i = 0; i < count; i++) node.tick();
}

function transferLeadership(env: Environment, directive: Directive): void {
  const from = number(option(directive, 'from'));
  env.node(from).node.transferLeader(number(option(directive, 'to')));
}
