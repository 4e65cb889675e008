/**
 * Questions from one member to another, and their answers: what only the leader knows, or what
 * every member has to say for itself.
 *
 * A call is best effort like every message between members: it may be lost, so each has a
 * deadline and ends as unanswered. Nothing that is asked may have an effect that must not happen
 * twice. What waits is bounded by count.
 */
import type { NodeId } from '../raft/types';
import type { Runtime } from '../runtime/runtime';
import type { PeerAnswer, PeerCall } from '../transport/transport';
import { randomStart } from './proposals';
import { Waiters } from './waiters';

/** The answer as JSON; undefined when none came in time, or the peer does not know the question. */
export type CallOutcome = unknown;

export type CallHandler = (parameter: unknown) => unknown;

export interface PeerCallsParts {
  readonly id: NodeId;
  readonly runtime: Runtime;
  readonly timeoutMs: number;
  readonly send: (message: PeerCall | PeerAnswer) => void;
}

const CALLS_MAX = 1024;

export class PeerCalls {
  private readonly waiters = new Waiters<CallOutcome>();
  private readonly handlers = new Map<string, CallHandler>();
  private nextCall: number;

  constructor(private readonly parts: PeerCallsParts) {
    this.nextCall = randomStart(parts.runtime);
  }

  /** Answers calls of a method from now on; `undefined` and exceptions are sent as no answer. */
  handle(method: string, handler: CallHandler): void {
    this.handlers.set(method, handler);
  }

  call(to: NodeId, method: string, parameter: unknown, done: (outcome: CallOutcome) => void): void {
    if (this.waiters.count >= CALLS_MAX) {
      done(undefined);
      return;
    }
    const { id: from, runtime, timeoutMs, send } = this.parts;
    const id = this.nextCall++;
    this.waiters.add(id, runtime.nowMs() + timeoutMs, 0, done);
    send({ kind: 'call', from, to, id, body: encode([method, parameter]) });
  }

  receive(message: PeerCall | PeerAnswer): void {
    if (message.kind === 'answer') {
      this.waiters.settle(message.id, decode(message.body));
      return;
    }
    const { from, to, id } = message;
    const body = encode(this.answerTo(decode(message.body)));
    this.parts.send({ kind: 'answer', from: to, to: from, id, body });
  }

  tick(nowMs: number): void {
    this.waiters.expire(nowMs, () => undefined);
  }

  stop(): void {
    this.waiters.settleAll(undefined);
  }

  private answerTo(question: unknown): unknown {
    if (!Array.isArray(question)) return undefined;
    const [method, parameter] = question as readonly unknown[];
    try {
      return typeof method === 'string' ? this.handlers.get(method)?.(parameter) : undefined;
    } catch {
      return undefined;
    }
  }
}

/** No value is no bytes. */
function encode(value: unknown): Uint8Array {
  return new TextEncoder().encode(value === undefined ? '' : JSON.stringify(value));
}

/** What is not JSON is as good as no answer. */
function decode(bytes: Uint8Array): unknown {
  try {
    return bytes.length === 0
      ? undefined
      : (JSON.parse(new TextDecoder().decode(bytes)) as unknown);
  } catch {
    return undefined;
  }
}
