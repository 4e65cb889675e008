/**
 * The nodes of a script, the messages between them, and the output of the current directive.
 *
 * Nothing happens by itself: the script delivers and drops messages, lets nodes handle what
 * they have ready and runs their disks. `stabilize` does all of that until nothing is left.
 */
import type { HardState, Message, MessageType, ProposalOutcome, Ready } from '../../src/raft/types';
import type { StepOutcome, TraceEvent } from '../../src/raft';
import {
  describeApply,
  describeEntries,
  describeHard,
  describeMessage,
  describePersist,
  describeSnapshot,
  roleName,
} from './describe';
import { ScriptNode, type NodeSettings } from './scriptNode';
import { LEVELS, type Level } from './traceLine';
import { traceLine } from './traceText';

/** What a directive answers when it cannot be done; printed, not thrown further. */
export class DirectiveError extends Error {}

/** Far more than any script needs; what goes on after it would go on for ever. */
const STABILIZE_ROUNDS_MAX = 10_000;

export class Environment {
  readonly nodes: ScriptNode[] = [];
  messages: Message[] = [];
  level: Level = 'DEBUG';
  private lines: string[] = [];
  private indent = '';
  private lastHard = new Map<number, HardState>();

  /** Everything printed since the last call. At level NONE nothing is. */
  takeOutput(): string {
    const output = this.lines.join('');
    this.lines = [];
    return output;
  }

  get quiet(): boolean {
    return this.level === 'NONE';
  }

  /** Prints complete lines, each with the current indentation. */
  print(text: string): void {
    if (this.quiet || text === '') return;
    for (const line of text.replace(/\n$/, '').split('\n')) {
      this.lines.push(`${this.indent}${line}\n`);
    }
  }

  /** Prints as it is, without a line's end. */
  printRaw(text: string): void {
    this.lines.push(text);
  }

  indented(run: () => void): void {
    const before = this.indent;
    this.indent = `${before}  `;
    try {
      run();
    } finally {
      this.indent = before;
    }
  }

  node(id: number): ScriptNode {
    const node = this.nodes[id - 1];
    if (node === undefined) throw new DirectiveError(`node ${id} does not exist`);
    return node;
  }

  addNodes(count: number, settings: NodeSettings): void {
    for (let i = 0; i < count; i++) {
      const id = this.nodes.length + 1;
      this.nodes.push(new ScriptNode(id, settings, (from, event) => this.log(from, event)));
      this.noteHard(id);
    }
  }

  restart(id: number): void {
    const node = this.node(id);
    this.messages = this.messages.filter((message) => message.to !== id || message.from !== id);
    node.restart();
    this.noteHard(id);
  }

  /** Takes what the node has ready, prints it, and passes it on. */
  processReady(id: number): void {
    const script = this.node(id);
    const ready = script.node.ready();
    this.print(this.describeReady(script, ready));
    if (script.asyncWrites) this.queueWork(script, ready);
    else this.doWork(script, ready);
  }

  /** The disk does the oldest of its work; false if there is none. */
  processAppendThread(id: number): boolean {
    const script = this.node(id);
    const work = script.persistWork.shift();
    if (work === undefined) return false;
    this.print('Processing:');
    this.print(describePersist(id, work, false));
    script.write(work);
    this.respond(work.acks);
    return true;
  }

  /** The state machine does the oldest of its work; false if there is none. */
  processApplyThread(id: number): boolean {
    const script = this.node(id);
    const work = script.applyWork.shift();
    if (work === undefined) return false;
    this.print('Processing:');
    this.print(describeApply(id, work, false));
    script.apply(work.entries);
    this.respond([work.ack]);
    return true;
  }

  /** Whether a message for that node is on its way. */
  hasMessagesFor(id: number): boolean {
    return this.messages.some((message) => message.to === id);
  }

  /** Delivers, or drops, the messages for a node; returns their number. */
  deliver(id: number, type: MessageType | undefined, drop: boolean): number {
    const chosen: Message[] = [];
    const rest: Message[] = [];
    for (const message of this.messages) {
      // What a node's own lanes say is never lost.
      const applies =
        message.to === id &&
        (type === undefined || message.type === type) &&
        !(drop && message.from === message.to);
      (applies ? chosen : rest).push(message);
    }
    this.messages = rest;
    for (const message of chosen) {
      this.print(`${drop ? 'dropped: ' : ''}${describeMessage(message)}`);
      if (drop) continue;
      const error = stepError(this.node(id).node.step(message));
      if (error !== undefined) this.print(error);
    }
    return chosen.length;
  }

  /** Runs the nodes, their messages and their lanes until nothing is left to do. */
  stabilize(ids: readonly number[]): void {
    const nodes = ids.length > 0 ? ids.map((id) => this.node(id)) : this.nodes;
    let rounds = 0;
    for (let busy = true; busy;) {
      if (++rounds > STABILIZE_ROUNDS_MAX) {
        throw new DirectiveError(`not stable after ${STABILIZE_ROUNDS_MAX} rounds`);
      }
      busy = false;
      for (const { id, node } of nodes) {
        if (!node.hasReady) continue;
        this.print(`> ${id} handling Ready`);
        this.indented(() => this.processReady(id));
        busy = true;
      }
      for (const { id } of nodes) {
        if (!this.hasMessagesFor(id)) continue;
        this.print(`> ${id} receiving messages`);
        this.indented(() => this.deliver(id, undefined, false));
        busy = true;
      }
      for (const { id, persistWork } of nodes) {
        if (persistWork.length === 0) continue;
        this.print(`> ${id} processing append thread`);
        while (persistWork.length > 0) this.indented(() => this.processAppendThread(id));
        busy = true;
      }
      for (const { id, applyWork } of nodes) {
        if (applyWork.length === 0) continue;
        this.print(`> ${id} processing apply thread`);
        while (applyWork.length > 0) this.indented(() => this.processApplyThread(id));
        busy = true;
      }
    }
  }

  private log(id: number, event: TraceEvent): void {
    if (this.quiet) return;
    const { level, text } = traceLine(id, event);
    if (LEVELS.indexOf(level) >= LEVELS.indexOf(this.level)) this.print(`${level} ${text}`);
  }

  private respond(acks: readonly Message[]): void {
    this.print('Responses:');
    for (const ack of acks) this.print(describeMessage(ack));
    this.messages.push(...acks);
  }

  private queueWork(script: ScriptNode, ready: Ready): void {
    this.messages.push(...ready.send);
    if (ready.persist !== undefined) script.persistWork.push(ready.persist);
    if (ready.apply !== undefined) script.applyWork.push(ready.apply);
  }

  /** Disk and state machine at once, in that order; then the node hears that it is done. */
  private doWork(script: ScriptNode, ready: Ready): void {
    const acks = ready.persist?.acks ?? [];
    if (ready.persist !== undefined) script.write(ready.persist);
    if (ready.apply !== undefined) script.apply(ready.apply.entries);
    this.messages.push(...ready.send, ...acks.filter((ack) => ack.to !== script.id));
    for (const ack of acks) if (ack.to === script.id) this.stepOwn(script, ack);
    if (ready.apply !== undefined) script.node.step(ready.apply.ack);
  }

  private stepOwn(script: ScriptNode, ack: Message): void {
    const outcome = script.node.step(ack);
    // The scripts' own driver goes past the check of the sender, so the leader's check speaks.
    if (outcome === 'unknownPeer' && script.node.role === 'leader') {
      this.log(script.id, { kind: 'noProgress', from: script.id });
    }
  }

  private describeReady(script: ScriptNode, ready: Ready): string {
    const { soft, reads, persist, apply } = ready;
    const lines: string[] = [];
    if (soft !== undefined) lines.push(`Lead:${soft.leader} State:${roleName(soft.role)}`);
    if (persist?.hard !== undefined) lines.push(`HardState ${describeHard(persist.hard)}`);
    if (reads.length > 0) {
      const states = reads.map(({ token, index }) => `{Index:${index} Token:${token}}`);
      lines.push(`ReadStates [${states.join(' ')}]`);
    }
    if (persist !== undefined && persist.entries.length > 0) {
      lines.push('Entries:', ...describeEntries(persist.entries).trimEnd().split('\n'));
    }
    if (persist?.snapshot !== undefined) {
      lines.push(`Snapshot ${describeSnapshot(persist.snapshot)}`);
    }
    if (apply !== undefined) {
      lines.push('CommittedEntries:', ...describeEntries(apply.entries).trimEnd().split('\n'));
    }
    const messages = this.describeMessages(script, ready);
    if (messages.length > 0) lines.push('Messages:', ...messages);
    if (lines.length === 0) return '<empty Ready>';
    return [`Ready MustSync=${this.mustSync(script.id, ready)}:`, ...lines].join('\n');
  }

  private describeMessages(script: ScriptNode, ready: Ready): readonly string[] {
    const messages = ready.send.map(describeMessage);
    if (!script.asyncWrites) {
      const acks = ready.persist?.acks ?? [];
      return [...messages, ...acks.filter(({ to }) => to !== script.id).map(describeMessage)];
    }
    if (ready.persist !== undefined) messages.push(describePersist(script.id, ready.persist, true));
    if (ready.apply !== undefined) messages.push(describeApply(script.id, ready.apply, true));
    return messages;
  }

  /** The scripts ask for a sync when term, vote or entries change; ours also for a snapshot. */
  private mustSync(id: number, ready: Ready): boolean {
    const before = this.lastHard.get(id)!;
    const hard = ready.persist?.hard ?? before;
    this.lastHard.set(id, hard);
    const voted = hard.term !== before.term || hard.vote !== before.vote;
    return voted || (ready.persist?.entries.length ?? 0) > 0;
  }

  private noteHard(id: number): void {
    const { term, vote, commitIndex } = this.node(id).node;
    this.lastHard.set(id, { term, vote, commit: commitIndex });
  }
}

/** The scripts' word for a proposal that was not taken; undefined for one that was. */
export function proposalError(outcome: ProposalOutcome): string | undefined {
  switch (outcome) {
    case 'noLeader':
    case 'transferring':
    case 'tooManyBytes':
    case 'removed':
      return 'raft proposal dropped';
    default:
      return undefined;
  }
}

function stepError(outcome: StepOutcome): string | undefined {
  if (outcome === 'stepped') return undefined;
  if (outcome === 'unknownPeer') return 'raft: cannot step as peer not found';
  if (outcome === 'misaddressed') return 'raft: cannot step a message for another node';
  return proposalError(outcome);
}
