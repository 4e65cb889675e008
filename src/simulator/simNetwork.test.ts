import { CALM_OPTIONS } from './plan';
import type { NetworkPlan } from './plan';
import { prng } from './prng';
import { Scheduler } from './scheduler';
import { SimNetwork } from './simNetwork';
import type { NetworkObserver } from './simNetwork';
import type { PeerMessage, SnapshotAck } from '../transport/transport';

const ack = (offset: number): SnapshotAck => ({
  kind: 'snapshotAck',
  from: 1,
  to: 2,
  term: 1,
  index: 1,
  offset,
  done: false,
});

class Setup implements NetworkObserver {
  readonly scheduler = new Scheduler();
  readonly network: SimNetwork;
  readonly arrived: number[] = [];
  readonly unreachable: number[] = [];
  readonly counts = { lost: 0, cut: 0, down: 0, doubled: 0, overtook: 0 };

  constructor(plan: Partial<NetworkPlan> = {}) {
    const options = { ...CALM_OPTIONS.network, ...plan };
    this.network = new SimNetwork(2, options, this.scheduler, prng('test', 'network'), this);
    this.network.connect(1, {
      deliver: () => undefined,
      unreachable: (peer) => this.unreachable.push(peer),
    });
    this.up();
  }

  up(): void {
    this.network.connect(2, {
      deliver: (message: PeerMessage) => this.arrived.push((message as SnapshotAck).offset),
      unreachable: () => undefined,
    });
  }

  send(count: number): this {
    for (let i = 0; i < count; i++) this.network.send(1, 2, ack(i));
    return this;
  }

  run(untilUs = Infinity): this {
    while (this.scheduler.nextUs() <= untilUs && this.scheduler.step());
    return this;
  }

  dropped(_from: number, _to: number, _message: PeerMessage, reason: 'lost' | 'cut' | 'down') {
    this.counts[reason]++;
  }
  doubled(): void {
    this.counts.doubled++;
  }
  reached(): void {}
  overtook(): void {
    this.counts.overtook++;
  }
  sent(): void {}
}

const upTo = (count: number): number[] => Array.from({ length: count }, (_, i) => i);

describe('the simulated network', () => {
  it('keeps the order of a link when asked to, and only then', () => {
    const ordered = new Setup({ ordered: true }).send(100).run();
    expect(ordered.arrived).toEqual(upTo(100));
    expect(ordered.counts.overtook).toBe(0);
    const free = new Setup({ ordered: false }).send(100).run();
    expect([...free.arrived].sort((a, b) => a - b)).toEqual(upTo(100));
    expect(free.counts.overtook).toBeGreaterThan(0);
  });

  it('loses and doubles about as many messages as it is told', () => {
    const setup = new Setup({ lossPercent: 20, duplicatePercent: 10 }).send(5_000).run();
    expect(Math.abs(setup.counts.lost - 1_000)).toBeLessThan(100);
    expect(Math.abs(setup.counts.doubled - 400)).toBeLessThan(80);
    expect(setup.arrived.length).toBe(5_000 - setup.counts.lost + setup.counts.doubled);
  });

  it('swallows what is on its way when a link is cut, and reports the peer', () => {
    const setup = new Setup().send(3);
    setup.network.cut(1, 2);
    setup.run();
    expect(setup.arrived).toEqual([]);
    expect(setup.counts.cut).toBe(3);
    expect(setup.unreachable).toEqual([2]);
  });

  it('heals a link only when every cut of it is mended', () => {
    const setup = new Setup();
    setup.network.cut(1, 2);
    setup.network.cut(1, 2);
    setup.network.mend(1, 2);
    setup.send(1).run();
    expect(setup.arrived).toEqual([]);
    setup.network.mend(1, 2);
    setup.send(1).run();
    expect(setup.arrived).toEqual([0]);
  });

  it('holds messages back and lets them go all at once', () => {
    const setup = new Setup();
    setup.network.hold(1, 2);
    setup.send(5).run();
    expect(setup.arrived).toEqual([]);
    setup.network.release(1, 2);
    setup.run();
    expect(setup.arrived).toEqual(upTo(5));
  });

  it('drops what reaches a member that is down', () => {
    const setup = new Setup().send(2);
    setup.network.connect(2, undefined);
    setup.run();
    expect(setup.counts.down).toBe(2);
    setup.up();
    setup.send(1).run();
    expect(setup.arrived).toEqual([0]);
  });

  it('disturbs for a while and is sound after it was healed', () => {
    const setup = new Setup({ lossPercent: 10 });
    setup.network.disturb(90, 0);
    setup.send(50).run();
    expect(setup.arrived).toEqual([]);
    setup.network.cut(1, 2);
    setup.network.heal();
    setup.send(50).run();
    expect(setup.arrived).toEqual(upTo(50));
  });

  it('repeats the next messages of a type at the end, and lets them go their way before', () => {
    const setup = new Setup();
    const catcher = { to: 2, type: 'snapshot', copies: true, left: 2 } as const;
    const mutable = { ...catcher };
    setup.network.catchNext(mutable);
    setup.send(3).run();
    expect(setup.arrived).toEqual([0, 1, 2]);
    setup.network.letGoCaught(mutable);
    setup.run();
    expect(setup.arrived).toEqual([0, 1, 2, 0, 1]);
    expect(setup.counts.doubled).toBe(2);
  });
});
