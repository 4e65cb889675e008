/** The driver as the gRPC services see it: promises instead of callbacks, ids as 64-bit. */
import type {
  AlarmMember,
  Applied,
  Command,
  LeaseId,
  KeySink,
  RangeReading,
  RangeRequest,
  Refused,
  Revision,
  StateMachine,
  TxnRequest,
  TxnResult,
  WatchHub,
} from '../kv';
import type { ConfState } from '../raft/types';
import type { SnapshotStore } from '../storage/snapshotStore';
import type { Driver } from './driver';
import { serviceRefusals } from './errors';
import type { LeaseAsk, LeaseKnowledge } from './leaseRequests';
import { memberInfo, transferee } from './membershipOperations';
import { NotServed } from './notServed';
import { Quota } from './quota';
import { SavedSnapshotWriter } from './savedSnapshot';
import { RangeReads, type RangeOutcome, type RangeReader } from './rangeReads';
import type {
  AlarmName,
  Backend,
  HashKv,
  LeaseBackend,
  LeaseTime,
  MemberInfo,
  MembershipBackend,
  MemberStatus,
  ReadView,
  SnapshotFile,
} from './services';

/** The API level that is spoken; clients choose features by it. */
const API_VERSION = '3.4.0';

/** Of one message of a saved snapshot, as in etcd. */
const PIECE_BYTES = 32 * 1024;

export interface MemberBackendConfig {
  readonly clusterId: number;
  readonly memberId: number;
  readonly membership: MembershipBackend;
  readonly snapshots: SnapshotStore;
  /** Bytes of the state on disk; undefined when there is no such file. */
  readonly diskBytes: () => number | undefined;
  readonly quotaBytes: number;
  /** Runs its argument in another turn of the event loop. */
  readonly defer: (run: () => void) => void;
}

export class MemberBackend implements Backend {
  readonly clusterId: bigint;
  readonly memberId: bigint;
  readonly view: ReadView;
  readonly leases: LeaseBackend;
  readonly membership: MembershipBackend;
  private readonly quota: Quota;
  private readonly ranges: RangeReads;

  constructor(
    private readonly driver: Driver,
    readonly watches: WatchHub,
    private readonly config: MemberBackendConfig,
  ) {
    this.clusterId = BigInt(config.clusterId);
    this.memberId = BigInt(config.memberId);
    this.membership = config.membership;
    const { machine } = driver;
    const start = (request: RangeRequest, sink?: KeySink): RangeReading =>
      machine.startRange(request, sink);
    this.ranges = new RangeReads({ start, defer: config.defer });
    this.view = new MachineView(machine, this.ranges);
    this.leases = this.leaseBackend();
    this.quota = new Quota({
      limitBytes: config.quotaBytes,
      stateBytes: () => this.stateBytes,
    });
  }

  get raftTerm(): number {
    return this.driver.node.term;
  }

  get hasLeader(): boolean {
    return this.driver.node.leader !== 0;
  }

  get isMember(): boolean {
    const { conf, id } = this.driver.node;
    return isVoter(conf, id) || conf.learners.includes(id);
  }

  get isLearner(): boolean {
    const { conf, id } = this.driver.node;
    return conf.learners.includes(id);
  }

  /** Large ranges that are being read end here; without it they hold the state open. */
  stop(): void {
    this.ranges.stop();
  }

  propose(command: Command): Promise<Applied> {
    const refusal = this.quota.refusal(command);
    return refusal === undefined ? this.submit(command) : this.refuseFull(refusal);
  }

  /** As etcd does: who is refused for want of space finds the alarm raised. */
  private async refuseFull(refusal: Refused): Promise<never> {
    const alarm = { memberId: this.memberId, alarm: 'nospace' } as const;
    const isRaised = this.raisedAlarms().some(
      (raised) => raised.memberId === alarm.memberId && raised.alarm === alarm.alarm,
    );
    // Whether or not it gets through now: the next request that needs space tries again.
    if (!isRaised) await this.submit({ kind: 'alarm', raised: true, alarm }).catch(() => undefined);
    throw refusal;
  }

  private submit(command: Command): Promise<Applied> {
    return new Promise((resolve, reject) => {
      this.driver.propose(command, (outcome) => {
        if (outcome instanceof NotServed) reject(outcome);
        else resolve(outcome);
      });
    });
  }

  linearizableRead(): Promise<void> {
    if (!this.isMember) return Promise.reject(serviceRefusals.notJoined());
    return new Promise((resolve, reject) => {
      this.driver.readBarrier((outcome) => {
        if (outcome === undefined) resolve();
        else reject(outcome);
      });
    });
  }

  status(): MemberStatus {
    const status = this.driver.status();
    return {
      version: API_VERSION,
      leader: BigInt(status.leader),
      raftTerm: status.term,
      raftIndex: status.commitIndex,
      raftAppliedIndex: status.appliedIndex,
      dbSize: this.stateBytes,
      dbSizeInUse: status.stateBytes,
      isLearner: this.isLearner,
      dbSizeQuota: this.quota.limitBytes === Infinity ? 0 : this.quota.limitBytes,
      errors: [
        ...(this.isMember ? [] : ['etcdserver: not capable']),
        ...(status.leader === 0 ? ['etcdserver: no leader'] : []),
        ...this.raisedAlarms().map(alarmText),
      ],
    };
  }

  members(): readonly MemberInfo[] {
    return this.driver.machine.cluster.members.map(memberInfo);
  }

  raisedAlarms(): readonly AlarmMember[] {
    return this.driver.machine.cluster.alarms;
  }

  alarmNames(): readonly AlarmName[] {
    return [...new Set(this.raisedAlarms().map(alarmName))];
  }

  snapshotFile(): Promise<SnapshotFile> {
    const { snapshots } = this.config;
    return new Promise((resolve, reject) => {
      this.driver.requestSnapshot((metadata) => {
        if (metadata === undefined) {
          reject(new NotServed('stopped', true, 'the member is stopping'));
          return;
        }
        const reader = snapshots.open(metadata);
        const content = {
          index: metadata.index,
          totalBytes: reader.totalBytes,
          read: (offset: number, bytesMax: number) => reader.read(offset, bytesMax),
        };
        const { revision } = this.driver.machine;
        const writer = new SavedSnapshotWriter(content, this.clusterId, revision, PIECE_BYTES);
        resolve({ next: () => writer.next(), close: () => reader.close() });
      });
    });
  }

  defragment(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.driver.defragment((error) => {
        if (error === undefined) resolve();
        else reject(error);
      });
    });
  }

  private get stateBytes(): number {
    // What was applied last is not on disk yet.
    return Math.max(this.config.diskBytes() ?? 0, this.driver.machine.bytes);
  }

  async moveLeader(target: bigint): Promise<void> {
    const { node, machine } = this.driver;
    if (node.role !== 'leader') throw serviceRefusals.notLeader();
    await this.transferLeader(transferee(machine.cluster.members, target));
  }

  private transferLeader(to: number): Promise<void> {
    return new Promise((resolve, reject) => {
      this.driver.transferLeader(to, (outcome) => {
        if (outcome === undefined) resolve();
        else reject(outcome);
      });
    });
  }

  private leaseBackend(): LeaseBackend {
    const { machine, leases } = this.driver;
    return {
      ttlSecondsMin: leases.ttlSecondsMin,
      newId: () => leases.newId(),
      all: () => machine.leases().map(({ id }) => id),
      keys: (id) => machine.leaseKeys(id),
      renew: async (id) => {
        const { outcome, grantedSeconds } = await this.askOfLease('renew', id);
        return outcome === 'known' ? grantedSeconds : undefined;
      },
      timeToLive: async (id): Promise<LeaseTime | undefined> => {
        const { outcome, ...times } = await this.askOfLease('timeToLive', id);
        if (outcome === 'missing') return undefined;
        // The time is the leader's; the keys are read here, so this member must not lag behind.
        await this.linearizableRead();
        return times;
      },
    };
  }

  private askOfLease(ask: LeaseAsk, id: LeaseId): Promise<LeaseKnowledge> {
    return new Promise((resolve, reject) => {
      this.driver.leases.ask(ask, id, (outcome) => {
        if (outcome instanceof NotServed) reject(outcome);
        else resolve(outcome);
      });
    });
  }
}

function isVoter(conf: ConfState, id: number): boolean {
  // While a change of the voters is under way, those of before still vote.
  return conf.voters.includes(id) || conf.votersOutgoing.includes(id);
}

function alarmName({ alarm }: AlarmMember): AlarmName {
  return alarm === 'nospace' ? 'NOSPACE' : 'CORRUPT';
}

/** As etcd prints one. */
function alarmText(alarm: AlarmMember): string {
  return `memberID:${alarm.memberId} alarm:${alarmName(alarm)} `;
}

/** The state machine under the names of the services. */
class MachineView implements ReadView {
  constructor(
    private readonly machine: StateMachine,
    private readonly ranges: RangeReads,
  ) {}

  get revision(): Revision {
    return this.machine.revision;
  }

  range(request: RangeRequest, reader?: RangeReader): Promise<RangeOutcome> {
    return new Promise((resolve, reject) => {
      const done = (outcome: RangeOutcome | Error): void => {
        if (outcome instanceof Error) reject(outcome);
        else resolve(outcome);
      };
      this.ranges.read(request, done, reader);
    });
  }

  readTxn(request: TxnRequest): TxnResult {
    return this.machine.readTxn(request);
  }

  hashKv(revision: Revision): HashKv {
    const { machine } = this;
    return {
      hash: machine.hashKv(revision),
      compactRevision: machine.compactedRevision,
      revision: revision === 0 ? machine.revision : revision,
    };
  }
}
