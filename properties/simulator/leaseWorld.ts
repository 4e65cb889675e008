/**
 * A simulated cluster whose clients hold leases: they grant, renew at any member and stop, and
 * what they were told is held against when each lease ended.
 *
 * A renewal that was answered is a promise from the moment the client asked: for the TTL from then
 * on, by the fastest clock, the lease neither ends nor is anybody told that it does not exist.
 */
import { decodeCommand, Refused, type Applied, type LeaseId } from '../../src/kv';
import type { Entry, NodeId } from '../../src/raft/types';
import { NotServed } from '../../src/server/notServed';
import type { Plan } from '../../src/simulator';
import type { EventHandler } from '../../src/simulator/scheduler';
import { World } from '../../src/simulator/world';

export interface PlannedLease {
  readonly ttlSeconds: number;
  readonly grantAtMs: number;
  /** The member that is asked first; renewals go round. */
  readonly member: number;
  /** Between renewals, as a share of the TTL in percent. */
  readonly everyPercent: number;
  /** After so many its holder goes away. */
  readonly renewals: number;
}

/** What happened at all, over many runs: a property that never got there proves nothing. */
export class LeaseMarks {
  renewedHere = 0;
  renewedElsewhere = 0;
  renewedAcrossLeaders = 0;
  toldMissing = 0;
  expired = 0;
  checkpoints = 0;
  checkpointsTakenBack = 0;
}

interface Lease extends PlannedLease {
  readonly id: LeaseId;
  /** The client's newest request that was answered was sent then. */
  heldFromUs: number | undefined;
  heldInTerm: number;
  endedUs: number | undefined;
  renewed: number;
}

const KEPT = {
  name: 'leaseKept',
  sentence: 'A lease lives at least its TTL after a renewal that was answered.',
};
const ENDED = {
  name: 'leaseEnded',
  sentence: 'A lease that nobody renews ends, with its keys, in one revision.',
};

const Step = { grant: 1, renew: 2 } as const;
/** What elections, lost messages and standing still may add once all is healed. */
const SLACK_MS = 12_000;

export class LeaseWorld extends World implements EventHandler {
  private readonly leases: Lease[];

  constructor(
    private readonly plan: Plan,
    leases: readonly PlannedLease[],
    private readonly marksOfLeases: LeaseMarks,
  ) {
    super({
      plan,
      recordFault: () => undefined,
      memberDown: () => undefined,
      ask: () => undefined,
    });
    this.leases = leases.map((planned, i) => ({
      ...planned,
      id: BigInt(i + 1),
      heldFromUs: undefined,
      heldInTerm: 0,
      endedUs: undefined,
      renewed: 0,
    }));
  }

  /** Runs all of it; the violation, if there is one, is in `violation`. */
  play(): void {
    const { safetyMs } = this.plan.options;
    this.begin();
    for (const lease of this.leases) {
      this.scheduler.schedule(lease.grantAtMs * 1000, this, Step.grant, 0, lease);
    }
    this.run(safetyMs);
    this.nemesis.heal();
    const ttlMs = Math.max(0, ...this.leases.map(({ ttlSeconds }) => ttlSeconds * 1000));
    const slowest = 1 - this.plan.options.clock.driftPercent / 100;
    this.run(safetyMs + ttlMs / slowest + SLACK_MS);
    if (this.violation === undefined) this.checkEnded();
  }

  handle(kind: number, _value: number, payload: unknown): void {
    if (kind === Step.grant) this.grant(payload as Lease);
    else this.renew(payload as Lease);
  }

  override applied(member: NodeId, entry: Entry, outcome: Applied | undefined): void {
    super.applied(member, entry, outcome);
    if (outcome === undefined || outcome.result instanceof Refused) return;
    const { command } = decodeCommand(entry.data);
    if (command.kind === 'leaseCheckpoint') this.countCheckpoint(command.checkpoints);
    if (command.kind !== 'leaseRevoke') return;
    const lease = this.leases.find(({ id }) => id === command.id);
    if (lease === undefined || lease.endedUs !== undefined) return;
    lease.endedUs = this.scheduler.nowUs;
    this.marksOfLeases.expired++;
    this.checkHeld(lease, lease.heldFromUs, `n${member} applied its revocation`);
    const keys = outcome.events.map(({ type, kv }) => `${type} ${kv.key}`);
    const sorted = [...keys].sort();
    if (keys.join() !== sorted.join() || keys.some((text) => !text.startsWith('delete'))) {
      this.report(ENDED, `lease ${lease.id} ended with the events ${keys.join()}`);
    }
  }

  private countCheckpoint(checkpoints: readonly { readonly remainingSeconds: number }[]): void {
    const isBack = checkpoints.every(({ remainingSeconds }) => remainingSeconds === 0);
    if (isBack) this.marksOfLeases.checkpointsTakenBack++;
    else this.marksOfLeases.checkpoints++;
  }

  /** Grants, and attaches two keys. */
  private grant(lease: Lease): void {
    const { id, ttlSeconds } = lease;
    const sentUs = this.scheduler.nowUs;
    this.at(lease.member, (driver) => {
      driver.propose({ kind: 'leaseGrant', id, ttlSeconds }, (outcome) => {
        if (!(outcome instanceof NotServed)) this.hold(lease, sentUs, driver.status().term);
      });
      for (const name of ['b', 'a']) {
        const request = {
          key: `${name}${id}`,
          value: new Uint8Array(1),
          lease: id,
          prevKv: false,
          ignoreValue: false,
          ignoreLease: false,
        };
        driver.propose({ kind: 'put', request }, () => undefined);
      }
    });
    this.planRenewal(lease);
  }

  private renew(lease: Lease): void {
    const { id, ttlSeconds } = lease;
    // Nobody renews once all is healed: then every lease must end.
    const isOver = this.scheduler.nowUs > this.plan.options.safetyMs * 1000;
    if (isOver || ++lease.renewed > lease.renewals) return;
    const sentUs = this.scheduler.nowUs;
    // What is answered later is concurrent: a lease may be missed before it is granted.
    const { heldFromUs } = lease;
    const number = 1 + ((lease.member - 1 + lease.renewed) % this.plan.members);
    this.at(number, (driver) => {
      driver.leases.ask('renew', id, (answer) => {
        if (answer instanceof NotServed) return;
        const { role, term } = driver.status();
        if (answer.outcome === 'known') {
          if (answer.grantedSeconds !== ttlSeconds) {
            this.report(KEPT, `lease ${id} was granted for ${answer.grantedSeconds} s`);
          }
          if (role === 'leader') this.marksOfLeases.renewedHere++;
          else this.marksOfLeases.renewedElsewhere++;
          this.hold(lease, sentUs, term);
        } else {
          this.marksOfLeases.toldMissing++;
          this.checkHeld(lease, heldFromUs, `n${number} said that there is none`);
        }
      });
    });
    this.planRenewal(lease);
  }

  private planRenewal(lease: Lease): void {
    const afterUs = lease.ttlSeconds * 10_000 * lease.everyPercent;
    this.scheduler.schedule(this.scheduler.nowUs + afterUs, this, Step.renew, 0, lease);
  }

  private at(number: number, run: (driver: Driver) => void): void {
    const member = this.members[(number - 1) % this.plan.members]!;
    const { driver, runtime } = member;
    if (driver !== undefined) runtime?.enter(() => run(driver));
  }

  private hold(lease: Lease, sentUs: number, term: number): void {
    if (lease.heldInTerm !== 0 && term > lease.heldInTerm) {
      this.marksOfLeases.renewedAcrossLeaders++;
    }
    lease.heldInTerm = Math.max(lease.heldInTerm, term);
    lease.heldFromUs = Math.max(lease.heldFromUs ?? 0, sentUs);
    if (lease.endedUs === undefined) return;
    this.checkHeld(lease, lease.heldFromUs, 'it had ended before the answer came');
  }

  private checkHeld(lease: Lease, heldFromUs: number | undefined, what: string): void {
    if (heldFromUs === undefined) return;
    const atUs = lease.endedUs ?? this.scheduler.nowUs;
    const fastest = 1 + this.plan.options.clock.driftPercent / 100;
    const livedMs = (atUs - heldFromUs) / 1000;
    if (livedMs >= (lease.ttlSeconds * 1000) / fastest) return;
    this.report(
      KEPT,
      `lease ${lease.id} with a TTL of ${lease.ttlSeconds} s: ${what} ` +
        `${livedMs} ms after a renewal was sent that was answered`,
    );
  }

  private checkEnded(): void {
    for (const { id, driver } of this.members) {
      const left = driver?.machine.leases() ?? [];
      const keys = driver?.machine.keyCount ?? 0;
      if (left.length === 0 && keys === 0) continue;
      const ids = left.map((lease) => lease.id).join();
      this.report(ENDED, `n${id} still has the leases ${ids || 'none'} and ${keys} keys`);
    }
  }
}

type Driver = NonNullable<World['members'][number]['driver']>;
