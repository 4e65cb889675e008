/** Drivers on simulated disks, one clock turned by hand and a network without faults but cuts. */
import { StateMachine, type Command, type MemberRecord, type MembershipChange } from '../../kv';
import type { NodeId } from '../../raft/types';
import { LogStore, type LogStoreOptions } from '../../storage/logStore';
import { SnapshotStore } from '../../storage/snapshotStore';
import type { PeerMessage, Transport } from '../../transport/transport';
import { bootstrapLog, isNewLog } from '../bootstrap';
import { Driver } from '../driver';
import type { DriverOptions } from '../driverOptions';
import type { MembershipOutcome } from '../membershipChanges';
import type { ProposalOutcome } from '../proposals';
import { testDisk } from './testDisk';
import { TestRuntime } from './testRuntime';

const TICK_MS = 10;

export function memberRecord(id: NodeId, fields: Partial<MemberRecord> = {}): MemberRecord {
  const peerUrls = [`http://m${id}:1`];
  return { id, name: `m${id}`, peerUrls, clientUrls: [], isLearner: false, ...fields };
}

interface TestMember {
  readonly disk: ReturnType<typeof testDisk>;
  driver: Driver | undefined;
  readonly log: LogStore;
}

export class TestCluster {
  readonly runtime = new TestRuntime();
  readonly members = new Map<NodeId, TestMember>();
  /** Nothing gets to these and nothing comes from them. */
  readonly cut = new Set<NodeId>();
  readonly removed: NodeId[] = [];
  readonly failures: unknown[] = [];

  constructor(
    ids: readonly NodeId[],
    private readonly options: Partial<DriverOptions> = {},
    /** The state that a member finds when it starts. Default: an empty one in memory. */
    private readonly stateOf: (id: NodeId) => StateMachine = () => new StateMachine(),
    private readonly logOptions: LogStoreOptions = {},
  ) {
    const initial = ids.map((id) => memberRecord(id));
    for (const id of ids) this.start(id, initial);
  }

  /** Starts a member on its disk: with `initial` members if the disk is empty, else a joiner. */
  start(id: NodeId, initial: readonly MemberRecord[] = []): void {
    const disk = this.members.get(id)?.disk ?? testDisk(this.runtime);
    const log = LogStore.open(disk, 'wal', this.logOptions);
    const member: TestMember = { disk, driver: undefined, log };
    this.members.set(id, member);
    if (initial.length > 0 && isNewLog(log)) {
      bootstrapLog(log, initial, () => undefined);
      this.runtime.advance(1);
    }
    member.driver = new Driver({
      options: { tickMs: TICK_MS, ...this.options, id },
      log,
      snapshots: SnapshotStore.open(disk, 'snapshots'),
      machine: this.stateOf(id),
      transport: this.transportOf(id),
      runtime: this.runtime,
      hooks: {
        removed: () => this.removed.push(id),
        failed: (error) => this.failures.push(error),
      },
    });
    member.driver.start();
  }

  stop(id: NodeId): void {
    const member = this.members.get(id)!;
    member.driver?.stop();
    member.driver = undefined;
    member.disk.kill();
    member.disk.reopen();
  }

  driver(id: NodeId): Driver {
    return this.members.get(id)!.driver!;
  }

  log(id: NodeId): LogStore {
    return this.members.get(id)!.log;
  }

  /** Runs until a leader is known to all that are up and connected. */
  leader(): NodeId {
    const up = [...this.members].filter(([id, { driver }]) => driver && !this.cut.has(id));
    const leaders = (): ReadonlySet<NodeId> =>
      new Set(up.map(([, { driver }]) => driver!.node.leader));
    this.until(() => leaders().size === 1 && !leaders().has(0), 'a leader');
    return [...leaders()][0]!;
  }

  until(holds: () => boolean, what: string): void {
    for (let round = 0; round < 3_000; round++) {
      if (this.failures.length > 0) throw this.failures[0];
      if (holds()) return;
      this.runtime.advance(TICK_MS);
    }
    throw new Error(`never came about: ${what}`);
  }

  change(at: NodeId, change: MembershipChange): MembershipOutcome {
    return this.await((done) => this.driver(at).changeMembership(change, done), change.kind);
  }

  propose(at: NodeId, command: Command): ProposalOutcome {
    return this.await((done) => this.driver(at).propose(command, done), command.kind);
  }

  put(at: NodeId, key: string, value = new Uint8Array(0)): ProposalOutcome {
    const flags = { lease: 0n, prevKv: false, ignoreValue: false, ignoreLease: false };
    return this.propose(at, { kind: 'put', request: { key, value, ...flags } });
  }

  await<T>(ask: (done: (outcome: T) => void) => void, what: string): T {
    let outcome: { readonly value: T } | undefined;
    ask((value) => (outcome = { value }));
    this.until(() => outcome !== undefined, `an answer to ${what}`);
    return outcome!.value;
  }

  private transportOf(id: NodeId): Transport {
    const receivers = this.receivers;
    const send = (to: NodeId, message: PeerMessage): void => {
      if (this.cut.has(id)) return;
      this.runtime.after(1, () => {
        if (!this.cut.has(to) && this.members.get(to)?.driver) receivers.get(to)?.(message);
      });
    };
    return {
      send,
      onMessage: (receive) => receivers.set(id, receive),
      onUnreachable: () => undefined,
      close: () => undefined,
    };
  }

  private readonly receivers = new Map<NodeId, (message: PeerMessage) => void>();
}
