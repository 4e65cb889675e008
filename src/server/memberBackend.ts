/** The driver as the gRPC services see it: promises instead of callbacks, ids as 64-bit. */
import type {
  Applied,
  Command,
  LeaseId,
  RangeRequest,
  RangeResult,
  Revision,
  StateMachine,
  TxnRequest,
  TxnResult,
  WatchHub,
} from '../kv';
import type { Driver } from './driver';
import { serviceRefusals } from './errors';
import type { LeaseAsk, LeaseKnowledge } from './leaseRequests';
import { memberInfo, transferee } from './membershipOperations';
import { NotServed } from './notServed';
import type {
  Backend,
  HashKv,
  LeaseBackend,
  LeaseTime,
  MemberInfo,
  MembershipBackend,
  MemberStatus,
  ReadView,
} from './services';

/** The API level that is spoken; clients choose features by it. */
const API_VERSION = '3.4.0';

export interface MemberBackendConfig {
  readonly clusterId: number;
  readonly memberId: number;
  readonly membership: MembershipBackend;
}

export class MemberBackend implements Backend {
  readonly clusterId: bigint;
  readonly memberId: bigint;
  readonly view: ReadView;
  readonly leases: LeaseBackend;
  readonly membership: MembershipBackend;

  constructor(
    private readonly driver: Driver,
    readonly watches: WatchHub,
    config: MemberBackendConfig,
  ) {
    this.clusterId = BigInt(config.clusterId);
    this.memberId = BigInt(config.memberId);
    this.membership = config.membership;
    this.view = new MachineView(driver.machine);
    this.leases = this.leaseBackend();
  }

  get raftTerm(): number {
    return this.driver.node.term;
  }

  get hasLeader(): boolean {
    return this.driver.node.leader !== 0;
  }

  get isLearner(): boolean {
    const { conf, id } = this.driver.node;
    return conf.learners.includes(id);
  }

  propose(command: Command): Promise<Applied> {
    return new Promise((resolve, reject) => {
      this.driver.propose(command, (outcome) => {
        if (outcome instanceof NotServed) reject(outcome);
        else resolve(outcome);
      });
    });
  }

  linearizableRead(): Promise<void> {
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
      dbSize: status.stateBytes,
      dbSizeInUse: status.stateBytes,
      isLearner: this.isLearner,
      errors: status.leader === 0 ? ['etcdserver: no leader'] : [],
    };
  }

  members(): readonly MemberInfo[] {
    return this.driver.machine.cluster.members.map(memberInfo);
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

/** The state machine under the names of the services. */
class MachineView implements ReadView {
  constructor(private readonly machine: StateMachine) {}

  get revision(): Revision {
    return this.machine.revision;
  }

  range(request: RangeRequest): RangeResult {
    return this.machine.range(request);
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
