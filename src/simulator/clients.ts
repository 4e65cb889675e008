/**
 * The clients of a simulated cluster: they carry out the planned operations, one at a time each,
 * and record what they asked and what they got in virtual nanoseconds.
 *
 * A client is outside of the cluster: its request and its answer take time, its member may be
 * down, stand still or die meanwhile, and its patience ends. What it then knows is `info`: the
 * operation may have taken effect, or may still. A client that gave up goes on as a new process,
 * because the old one's operation stays open for ever.
 */
import { isOpResult, Refused } from '../kv';
import type { Applied, OpResult } from '../kv';
import type { HistoryRecorder, RecordedCompletion } from '../history';
import { NotServed } from '../server/notServed';
import type { Marks } from './marks';
import { completionOf, learn, rangeRequest, readCompletion, requestOf } from './operations';
import type { Request, Sightings } from './operations';
import type { PlannedOperation } from './plan';
import type { Prng } from './prng';
import type { EventHandler, EventId, Scheduler } from './scheduler';
import type { SimMember } from './simMember';
import { TraceKind } from './trace';
import type { Trace } from './trace';

export interface ClientsParts {
  readonly scheduler: Scheduler;
  readonly recorder: HistoryRecorder;
  readonly trace: Trace;
  readonly marks: Marks;
  readonly random: Prng;
  readonly members: readonly SimMember[];
  readonly timeoutMs: number;
  readonly valueBytes: number;
}

/** A request of a client to a member that stands for one operation of the plan or of a probe. */
interface Call {
  readonly id: number;
  readonly operation: PlannedOperation;
  readonly request: Request;
  readonly client: Client;
  /** The incarnation of the member that has the request. */
  incarnation: number;
  timeout: EventId;
  open: boolean;
  readonly done: ((ok: boolean) => void) | undefined;
}

interface Client {
  process: number;
  busy: boolean;
  readonly queue: PlannedOperation[];
  readonly sightings: Sightings;
  /** The newest revision that an answer has shown. */
  revision: number;
}

const ClientEvent = { due: 1, arrive: 2, answer: 3, timeout: 4, broken: 5 } as const;

/** One way between a client and a member, in microseconds. */
const WAY_US_MIN = 50;
const WAY_US_MAX = 400;

/** Clients of the closing probes have numbers from here on; plans use smaller ones. */
export const PROBE_CLIENT = 1000;

interface Answer {
  readonly call: Call;
  readonly completion: RecordedCompletion;
  /** What the answer tells about the key, and the revision it was true at. */
  readonly result: OpResult | undefined;
  readonly revision: number;
}

export class Clients implements EventHandler {
  private readonly clients = new Map<number, Client>();
  private readonly calls = new Set<Call>();
  private nextProcess = 0;
  private unique = 0;
  private accepting = true;

  constructor(private readonly parts: ClientsParts) {}

  /** Operations that wait for an answer. */
  get openCount(): number {
    return this.calls.size;
  }

  plan(operations: readonly PlannedOperation[]): void {
    for (const operation of operations) {
      this.parts.scheduler.schedule(
        operation.atMs * 1000,
        this,
        ClientEvent.due,
        operation.client,
        operation,
      );
    }
  }

  /** From now on planned operations that have not begun are left out. */
  stopPlanned(): void {
    this.accepting = false;
    for (const client of this.clients.values()) client.queue.length = 0;
  }

  /** Sends one operation outside of the plan, at once; `done` says whether it was answered. */
  probe(operation: PlannedOperation, done: (ok: boolean) => void): void {
    this.send(this.client(operation.client), operation, done);
  }

  /** The member is gone: whoever waits for it notices its broken connection. */
  memberDown(member: number): void {
    const { scheduler } = this.parts;
    for (const call of this.calls) {
      if (call.operation.member !== member || call.incarnation === 0) continue;
      scheduler.schedule(scheduler.nowUs + this.way(), this, ClientEvent.broken, member, call);
    }
  }

  handle(kind: number, value: number, payload: unknown): void {
    switch (kind) {
      case ClientEvent.due:
        this.due(value, payload as PlannedOperation);
        return;
      case ClientEvent.arrive:
        this.arrive(payload as Call);
        return;
      case ClientEvent.answer:
        this.answered(payload as Answer);
        return;
      case ClientEvent.timeout:
        this.giveUp(payload as Call, 'timeout');
        return;
      case ClientEvent.broken:
        this.giveUp(payload as Call, 'connection broken');
        return;
    }
  }

  private due(number: number, operation: PlannedOperation): void {
    if (!this.accepting) return;
    const client = this.client(number);
    if (client.busy) client.queue.push(operation);
    else this.send(client, operation, undefined);
  }

  private client(number: number): Client {
    let client = this.clients.get(number);
    if (client === undefined) {
      client = {
        process: this.nextProcess++,
        busy: false,
        queue: [],
        sightings: new Map(),
        revision: 1,
      };
      this.clients.set(number, client);
    }
    return client;
  }

  private send(
    client: Client,
    operation: PlannedOperation,
    done: ((ok: boolean) => void) | undefined,
  ): void {
    const { scheduler, recorder, timeoutMs, valueBytes } = this.parts;
    const unique = String(++this.unique);
    const request = requestOf(operation, unique, valueBytes, client);
    const { f, key, value } = request;
    const member = `n${operation.member}`;
    const id = recorder.invoke({ process: client.process, f, key, value, member });
    const call: Call = {
      id,
      operation,
      request,
      client,
      incarnation: 0,
      timeout: 0,
      open: true,
      done,
    };
    client.busy = true;
    this.calls.add(call);
    this.note(TraceKind.invoke, call, 0);
    const now = scheduler.nowUs;
    call.timeout = scheduler.schedule(now + timeoutMs * 1000, this, ClientEvent.timeout, 0, call);
    scheduler.schedule(now + this.way(), this, ClientEvent.arrive, 0, call);
  }

  private arrive(call: Call): void {
    if (!call.open) return;
    const member = this.parts.members[call.operation.member - 1];
    if (member?.runtime === undefined || member.driver === undefined) {
      this.answer(call, { type: 'fail', error: 'connection refused' });
      return;
    }
    call.incarnation = member.incarnations;
    member.runtime.enter(() => this.serve(member, call));
  }

  private serve(member: SimMember, call: Call): void {
    const driver = member.driver;
    if (driver === undefined) return;
    const { command, serializable } = call.request;
    if (command !== undefined) {
      driver.propose(command, (outcome) => {
        if (outcome instanceof NotServed) this.answer(call, this.refused(outcome));
        else this.answer(call, completionOf(outcome), opResult(outcome), outcome.revision);
      });
    } else if (serializable) {
      this.read(member, call);
    } else {
      driver.readBarrier((outcome) => {
        if (outcome === undefined) this.read(member, call);
        else this.answer(call, this.refused(outcome));
      });
    }
  }

  private read(member: SimMember, call: Call): void {
    const { machine } = member.driver!;
    const { key, revision } = call.request;
    try {
      const result = machine.range(rangeRequest(key, revision));
      const completion = readCompletion(result, machine.revision);
      this.answer(call, completion, revision === 0 ? result : undefined, machine.revision);
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      this.parts.marks.hit('read of a compacted revision');
      this.answer(call, { type: 'fail', error: error.message });
    }
  }

  private refused(reason: NotServed): RecordedCompletion {
    if (reason.reason === 'noLeader') this.parts.marks.hit('write refused for want of a leader');
    return { type: reason.certain ? 'fail' : 'info', error: reason.reason };
  }

  private answer(
    call: Call,
    completion: RecordedCompletion,
    result: OpResult | undefined = undefined,
    revision = 0,
  ): void {
    const { scheduler } = this.parts;
    const answer: Answer = { call, completion, result, revision };
    scheduler.schedule(scheduler.nowUs + this.way(), this, ClientEvent.answer, 0, answer);
  }

  private answered({ call, completion, result, revision }: Answer): void {
    if (call.open) call.client.revision = Math.max(call.client.revision, revision);
    if (call.open && result !== undefined) {
      learn(call.client.sightings, call.request.key, result, revision);
      if (result.kind === 'txn') {
        this.parts.marks.hit(result.succeeded ? 'compare succeeded' : 'compare failed');
      }
    }
    this.complete(call, completion);
  }

  private giveUp(call: Call, error: string): void {
    if (!call.open) return;
    this.parts.marks.hit('outcome unknown');
    this.complete(call, { type: 'info', error });
  }

  private complete(call: Call, completion: RecordedCompletion): void {
    if (!call.open) return;
    call.open = false;
    this.calls.delete(call);
    const { recorder, scheduler } = this.parts;
    scheduler.cancel(call.timeout);
    recorder.complete(call.id, completion);
    this.note(TraceKind.complete, call, OUTCOMES.indexOf(completion.type) + 1);
    const { client } = call;
    if (completion.type === 'info') client.process = this.nextProcess++;
    client.busy = false;
    call.done?.(completion.type === 'ok');
    const next = client.queue.shift();
    if (next !== undefined && !client.busy) this.send(client, next, undefined);
  }

  private note(
    kind: typeof TraceKind.invoke | typeof TraceKind.complete,
    call: Call,
    outcome: number,
  ): void {
    const { scheduler, trace } = this.parts;
    const { operation } = call;
    const f = KINDS.indexOf(call.request.f);
    trace.record(
      scheduler.nowUs,
      scheduler.events,
      kind,
      operation.member,
      call.client.process,
      f,
      operation.key,
      outcome,
      call.id,
    );
  }

  private way(): number {
    return this.parts.random.between(WAY_US_MIN, WAY_US_MAX);
  }
}

function opResult({ result }: Applied): OpResult | undefined {
  return result instanceof Refused || !isOpResult(result) ? undefined : result;
}

/** Codes of operations and outcomes in trace records. */
export const KINDS: readonly Request['f'][] = ['range', 'put', 'delete', 'txn', 'compact'];
export const OUTCOMES = ['ok', 'fail', 'info'] as const;
