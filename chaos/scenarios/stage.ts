/**
 * Where a scripted scenario plays: a running cluster with a client, a history in its file, and the
 * memory of all members over time and over the bytes written.
 *
 * Invariant: whatever the script does or throws, the cluster is disposed of and the history is
 * complete up to there.
 */
import { closeSync, mkdirSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';

import { EtcdClient, type Outcome } from '../../src/client';
import { HistoryRecorder, type History } from '../../src/history';
import type { MemorySample } from '../../models/memory';
import type { FaultKind, PropertyResult, Series } from '../../reports';
import { untilAllFollowOneLeader } from '../faults/fault';
import { anonymousMiB, startMemorySampler } from '../memorySampler';
import type { ChaosResult } from '../options';
import type { Cluster, RunningCluster } from '../target';
import { pause } from '../wait';
import type { ScenarioContext } from './scenario';

const MIB = 2 ** 20;
const healLimitMs = 60_000;
const requestMs = 10_000;
/** A write that fails is tried again this often, elsewhere, before the script gives up. */
const attemptsMax = 60;

/** Processes are numbered this far apart when one goes on after an unknown outcome. */
const livesApart = 1_000;

/** What is asked, of whom, and for which process of the history. */
export interface Recorded {
  readonly process: number;
  readonly f: string;
  readonly key?: string;
  readonly value?: object;
  readonly endpoint: number;
}

export interface WriteOptions {
  readonly count: number;
  readonly valueBytes: number;
  /** Name of the i-th key. Default: one key for all. */
  readonly key?: (i: number) => string;
  /** Requests at the same time. Default 8. */
  readonly concurrency?: number;
  /** Members that are asked; default all that run. */
  readonly members?: readonly string[];
  /** After every so many bytes memory is sampled. Default 8 MiB. */
  readonly sampleBytes?: number;
  /** After every so many bytes the past is compacted. Default never. */
  readonly compactBytes?: number;
}

export class Stage {
  /** Payload bytes acknowledged. */
  writtenBytes = 0;
  /** Of the last write. */
  revision = 0;
  private readonly curves = new Map<string, MemorySample[]>();
  private readonly counts = new Map<string, FaultKind>();
  private next = 0;
  /** How often each process went on under a new number. */
  private readonly lives = new Map<number, number>();

  private constructor(
    readonly cluster: RunningCluster,
    readonly client: EtcdClient,
    readonly context: ScenarioContext,
    private readonly recorder: HistoryRecorder,
  ) {}

  /** Starts a cluster, plays the script and returns what it found, as a run. */
  static async play(
    context: ScenarioContext,
    name: string,
    target: Cluster,
    script: (stage: Stage) => Promise<readonly PropertyResult[]>,
  ): Promise<ChaosResult> {
    const startedAt = new Date();
    const directory = join(context.directory, name);
    mkdirSync(directory, { recursive: true });
    const file = 'history.jsonl';
    const sink = openSync(join(directory, file), 'w');
    const { seed, signal } = context;
    const { target: targetName, how, memberCount } = target.description;
    try {
      await using cluster = await target.start(signal);
      const zero = performance.now();
      const clock = (): number => (performance.now() - zero) * 1e6;
      const recorder = new HistoryRecorder({
        clock,
        sink: { write: (line) => writeSync(sink, line) },
        meta: { name, seed, target: target.description },
      });
      const endpoints = cluster.members().map(({ clientUrl }) => clientUrl);
      const client = new EtcdClient({ endpoints, timeoutMs: requestMs });
      const memory = startMemorySampler({
        cluster,
        clockSeconds: () => clock() / 1e9,
        history: name,
      });
      const stage = new Stage(cluster, client, context, recorder);
      let series: Series | undefined;
      let properties: readonly PropertyResult[];
      const { version } = await cluster.status(cluster.members()[0]!.name, requestMs);
      try {
        properties = await script(stage);
      } catch (error) {
        // The other parts of the scenario, and what was measured so far, are worth keeping.
        properties = [notFinished(name, signal, error as Error)];
      } finally {
        series = memory.stop();
        client.close();
        recorder.close();
      }
      return {
        ...{ name, seed, properties, startedAt: startedAt.toISOString() },
        seconds: (Date.now() - startedAt.getTime()) / 1_000,
        target: { name: targetName, how, memberCount, ...(version ? { version } : {}) },
        faults: [...stage.counts.values()],
        series: series ? [series] : [],
        history: { name, file, history: recorder.history() },
        notes: signal.aborted ? [`${name} was ended early`] : [],
      };
    } finally {
      closeSync(sink);
    }
  }

  /** Memory of each member against the bytes written, as sampled so far. */
  curve(member: string): readonly MemorySample[] {
    return this.curves.get(member) ?? [];
  }

  get names(): readonly string[] {
    return this.cluster.members().map(({ name }) => name);
  }

  /** Takes one sample of every member whose memory can be seen. */
  sample(): void {
    for (const { name, pid } of this.cluster.members()) {
      const anon = anonymousMiB(pid);
      if (anon === null) continue;
      const curve = this.curves.get(name) ?? [];
      this.curves.set(name, curve);
      curve.push({ writtenBytes: this.writtenBytes, anonBytes: anon * MIB });
    }
  }

  /** The highest that was sampled of a member. */
  peakBytes(member: string): number {
    return this.curve(member).reduce((most, { anonBytes }) => Math.max(most, anonBytes), 0);
  }

  /** Records that something is done to members for a while. */
  async during<T>(
    fault: string,
    targets: readonly string[],
    colour: string,
    work: () => Promise<T>,
  ): Promise<T> {
    const kind = this.counts.get(fault) ?? { name: fault, label: fault, colour, count: 0 };
    this.counts.set(fault, { ...kind, count: kind.count + 1 });
    this.recorder.fault({ fault, phase: 'inject', targets });
    this.recorder.fault({ fault, phase: 'injected', targets });
    try {
      return await work();
    } finally {
      this.recorder.fault({ fault, phase: 'heal', targets });
      this.recorder.fault({ fault, phase: 'healed', targets });
    }
  }

  /** Waits until all members answer and follow one leader. Default limit 60 s. */
  async untilHealed(limitMs = healLimitMs): Promise<void> {
    const { signal } = this.context;
    await untilAllFollowOneLeader(this.cluster, { limitMs, signal });
  }

  /** Writes that many values, again where it must, and counts their bytes. */
  async write(options: WriteOptions): Promise<void> {
    const { count, valueBytes, concurrency = 8, key = () => 'key' } = options;
    const { sampleBytes = 8 * MIB, compactBytes } = options;
    let begun = 0;
    let sampledAt = this.writtenBytes;
    let compactedAt = this.writtenBytes;
    const worker = async (process: number): Promise<void> => {
      while (begun < count) {
        const i = begun++;
        await this.put(process, key(i), this.value(valueBytes), options.members);
        this.writtenBytes += valueBytes;
        if (this.writtenBytes - sampledAt >= sampleBytes) {
          sampledAt = this.writtenBytes;
          this.sample();
        }
        if (compactBytes !== undefined && this.writtenBytes - compactedAt >= compactBytes) {
          compactedAt = this.writtenBytes;
          await this.compact();
        }
      }
    };
    await Promise.all(Array.from({ length: concurrency }, (_, process) => worker(process)));
    this.sample();
  }

  /** One request, recorded, tried at running members in turn until it is acknowledged. */
  async request<T>(
    entry: { readonly process: number; readonly f: string; readonly key?: string },
    bytes: number,
    send: (endpoint: number) => Promise<Outcome<T>>,
    among?: readonly string[],
  ): Promise<T> {
    const { process, f, key } = entry;
    for (let attempt = 0; ; attempt += 1) {
      this.context.signal.throwIfAborted();
      const endpoint = this.endpoint(process + attempt, among);
      const member = this.names[endpoint]!;
      // An attempt without an answer may still happen: what follows is another process's.
      const id = this.recorder.invoke({
        process: process + attempt * 1_000,
        ...{ member, f, value: { value: `${bytes} bytes` } },
        ...(key === undefined ? {} : { key }),
      });
      const outcome = await send(endpoint);
      if (outcome.type === 'ok') {
        const { revision } = outcome;
        this.recorder.complete(id, { type: 'ok', member, rev: revision });
        this.revision = Math.max(this.revision, revision);
        return outcome.value;
      }
      this.recorder.complete(id, { type: outcome.type, member, error: outcome.error });
      if (attempt >= attemptsMax) throw new Error(`${f}: ${outcome.code}: ${outcome.error}`);
      await pause(100, this.context.signal);
    }
  }

  /**
   * One request to one member, recorded in the shapes of `src/history/etcd.ts` for the rules that
   * judge them, and sent once. `shape` makes the answer's value.
   */
  async recorded<T>(
    entry: Recorded,
    send: (endpoint: number) => Promise<Outcome<T>>,
    shape: (value: T) => unknown,
  ): Promise<Outcome<T>> {
    const { process, f, key, value, endpoint } = entry;
    const member = this.names[endpoint]!;
    const asked = { ...(key === undefined ? {} : { key }), ...(value ? { value } : {}) };
    // A process has at most one operation open, and after an unknown outcome it is no more.
    const lives = this.lives.get(process) ?? 0;
    const id = this.recorder.invoke({ process: process + lives * livesApart, member, f, ...asked });
    const outcome = await send(endpoint);
    if (outcome.type === 'ok') {
      const completion = { member, rev: outcome.revision, value: shape(outcome.value) };
      this.recorder.complete(id, { type: 'ok', ...completion });
    } else {
      const { type, code, error } = outcome;
      this.recorder.complete(id, { type, member, error: `${code}: ${error}` });
      if (type === 'info') this.lives.set(process, lives + 1);
    }
    return outcome;
  }

  /** What was recorded so far. */
  history(): History {
    return this.recorder.history();
  }

  /** Drops all but the last ten revisions. */
  async compact(): Promise<void> {
    const revision = this.revision - 10;
    if (revision > 1) await this.client.compact({ revision }, { endpoint: this.endpoint(0) });
  }

  /** Bytes that no store can make smaller, different each time. */
  value(bytes: number): Buffer {
    const value = Buffer.allocUnsafe(bytes);
    let state = (this.next += 1) | 0;
    for (let at = 0; at + 4 <= bytes; at += 4) {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) | 0;
      value.writeInt32LE(state, at);
    }
    for (let at = bytes & ~3; at < bytes; at += 1) value[at] = at & 0xff;
    return value;
  }

  private put(
    process: number,
    key: string,
    value: Buffer,
    among: readonly string[] | undefined,
  ): Promise<unknown> {
    const send = (endpoint: number) => this.client.put({ key, value }, { endpoint });
    return this.request({ process, f: 'put', key }, value.length, send, among);
  }

  private endpoint(turn: number, among?: readonly string[]): number {
    const usable = this.cluster
      .members()
      .flatMap(({ name, state }, i) =>
        state === 'running' && (among?.includes(name) ?? true) ? [i] : [],
      );
    return usable[turn % Math.max(1, usable.length)] ?? 0;
  }
}

function notFinished(name: string, signal: AbortSignal, error: Error): PropertyResult {
  const reason = signal.aborted ? 'the run was interrupted in it' : error.message;
  const title = `The script of ${name} comes to its end`;
  return { id: 'played', title, verdict: 'unknown', evidence: {}, reason };
}
