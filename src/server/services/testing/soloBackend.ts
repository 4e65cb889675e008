/**
 * A backend without consensus for the tests of the services: one state machine that applies each
 * command at once. What a real member can refuse is set by hand.
 */
import { type AlarmMember, StateMachine, type Applied, type Command } from '../../../kv';
import { WatchHub } from '../../../kv/watchHub';
import type { NotServed } from '../../notServed';
import type {
  AlarmName,
  Backend,
  LeaseBackend,
  MemberInfo,
  MemberStatus,
  ReadView,
} from '../backend';

const WITHOUT_LIMIT = { entries: Infinity, bytes: Infinity };

export class SoloBackend implements Backend {
  readonly clusterId = 0xfedcba9876543210n;
  readonly memberId = 0x8123456789abcdefn;
  readonly machine = new StateMachine();
  readonly moved: bigint[] = [];
  /** What proposals and read barriers are rejected with. */
  refusing: NotServed | Error | undefined;
  leader = this.memberId;
  isMember = true;
  isLearner = false;
  clientUrls: readonly string[] = ['http://127.0.0.1:2'];
  alarms: AlarmName[] = [];
  /** Leases that run out when they are looked at next. */
  readonly expired = new Set<bigint>();
  barriers = 0;
  proposals = 0;

  /** What a range waits for. */
  beforeRange: (isWanted: () => boolean) => Promise<void> = () => Promise.resolve();

  readonly raftTerm = 7;

  get hasLeader(): boolean {
    return this.leader !== 0n;
  }

  get view(): ReadView {
    const { machine } = this;
    return {
      revision: machine.revision,
      range: async (request, { isWanted = () => true, sink } = {}) => {
        await this.beforeRange(isWanted);
        const reading = machine.startRange(request, sink);
        return { revision: reading.revision, result: reading.step(WITHOUT_LIMIT)! };
      },
      readTxn: (request) => machine.readTxn(request),
      hashKv: (revision) => ({
        hash: machine.hashKv(revision),
        compactRevision: machine.compactedRevision,
        revision: revision === 0 ? machine.revision : revision,
      }),
    };
  }

  alarmNames(): readonly AlarmName[] {
    return this.alarms;
  }

  /** Time stands still: what was granted remains, until it is said to have run out. */
  readonly leases: LeaseBackend = {
    ttlSecondsMin: 2,
    newId: () => 1000n + BigInt(this.machine.leaseCount),
    all: () => this.machine.leases().map((lease) => lease.id),
    keys: (id) => this.machine.leaseKeys(id),
    renew: async (id) => {
      await this.serve();
      return this.liveLease(id)?.ttlSeconds;
    },
    timeToLive: async (id) => {
      await this.serve();
      const lease = this.liveLease(id);
      if (lease === undefined) return undefined;
      return { grantedSeconds: lease.ttlSeconds, remainingSeconds: lease.ttlSeconds };
    },
  };

  readonly watches: WatchHub = new WatchHub(this.machine, { fragmentBytes: 10_000 });

  async propose(command: Command): Promise<Applied> {
    await this.serve();
    this.proposals++;
    const applied = this.machine.apply(command, this.machine.appliedIndex + 1);
    if (applied === undefined) throw new Error('an index was applied twice');
    if (applied.events.length > 0) this.watches.publish(applied.revision, applied.events);
    return applied;
  }

  async linearizableRead(): Promise<void> {
    await this.serve();
    this.barriers++;
  }

  status(): MemberStatus {
    return {
      version: '3.4.0',
      leader: this.leader,
      raftTerm: this.raftTerm,
      raftIndex: this.machine.appliedIndex,
      raftAppliedIndex: this.machine.appliedIndex,
      dbSize: this.machine.bytes,
      dbSizeInUse: this.machine.bytes,
      dbSizeQuota: 0,
      isLearner: this.isLearner,
      errors: [],
    };
  }

  raisedAlarms(): readonly AlarmMember[] {
    return this.machine.cluster.alarms;
  }

  members(): readonly MemberInfo[] {
    return [
      {
        id: this.memberId,
        name: 'solo',
        peerUrls: ['http://127.0.0.1:1'],
        clientUrls: this.clientUrls,
        isLearner: this.isLearner,
      },
    ];
  }

  moveLeader(target: bigint): Promise<void> {
    this.moved.push(target);
    return Promise.resolve();
  }

  private liveLease(id: bigint) {
    return this.expired.has(id) ? undefined : this.machine.lease(id);
  }

  private serve(): Promise<void> {
    return this.refusing === undefined ? Promise.resolve() : Promise.reject(this.refusing);
  }
}
