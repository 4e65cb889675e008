/**
 * The network between members: every directed link can lose, delay, double, reorder, hold or
 * cut messages, and messages are shared by reference because they are immutable.
 *
 * A cut link (a partition) also swallows what is on its way; a held link keeps everything and
 * lets it go later, all at once: how old messages meet new terms. Both are counted, so that
 * overlapping faults heal in any order. A sender whose peer is cut off or down learns of it
 * after a while, as a broken connection tells it; random loss it never learns of.
 */
import type { MessageType, NodeId } from '../raft/types';
import type { PeerMessage, Transport } from '../transport/transport';
import type { NetworkPlan } from './plan';
import type { Prng } from './prng';
import type { EventHandler, Scheduler } from './scheduler';
import type { SimRuntime } from './simRuntime';

export type DropReason = 'lost' | 'cut' | 'down';

export interface NetworkObserver {
  dropped(from: NodeId, to: NodeId, message: PeerMessage, reason: DropReason): void;
  doubled(from: NodeId, to: NodeId): void;
  /** A message arrived before one that was sent earlier on its link. */
  overtook(from: NodeId, to: NodeId): void;
  sent(from: NodeId, message: PeerMessage): void;
  /** A message reached a member that runs. */
  reached(to: NodeId, message: PeerMessage, sentUs: number): void;
}

/** Where a member's messages go: its process, which may be paused. */
export interface Mailbox {
  deliver(message: PeerMessage): void;
  unreachable(peer: NodeId): void;
}

const NetworkEvent = { deliver: 1, unreachable: 2 } as const;

/** A broken connection is noticed after this long. */
const UNREACHABLE_AFTER_US = 20_000;

interface Flight {
  readonly message: PeerMessage;
  /** Position among the messages of its link, to notice reordering. */
  readonly order: number;
  readonly sentUs: number;
}

/** Takes the next messages of one kind on their way to a member, to deliver them later. */
export interface Catcher {
  readonly to: NodeId;
  readonly type: MessageType;
  /** They go their way as well: what is let go later are copies. */
  readonly copies: boolean;
  left: number;
}

interface Caught {
  readonly catcher: Catcher;
  readonly link: Link;
  readonly flight: Flight;
}

interface Link {
  /** Its place among the links, which its events carry. */
  readonly index: number;
  readonly from: NodeId;
  readonly to: NodeId;
  cuts: number;
  holds: number;
  held: Flight[];
  sent: number;
  delivered: number;
  newestDeliveryUs: number;
  reportPending: boolean;
}

export class SimNetwork implements EventHandler {
  private readonly links: Link[] = [];
  private readonly mailboxes: (Mailbox | undefined)[] = [];
  private readonly catchers = new Set<Catcher>();
  private caught: Caught[] = [];
  private extraLossPercent = 0;
  private extraDuplicatePercent = 0;

  constructor(
    private readonly members: number,
    private options: NetworkPlan,
    private readonly scheduler: Scheduler,
    private readonly random: Prng,
    private readonly observer: NetworkObserver,
  ) {
    for (let from = 1; from <= members; from++) {
      for (let to = 1; to <= members; to++) this.links.push(newLink(this.links.length, from, to));
    }
  }

  /** Connects a member; undefined disconnects it (it is down). */
  connect(member: NodeId, mailbox: Mailbox | undefined): void {
    this.mailboxes[member] = mailbox;
  }

  send(from: NodeId, to: NodeId, message: PeerMessage): void {
    if (to < 1 || to > this.members || to === from) return;
    this.observer.sent(from, message);
    const link = this.link(from, to);
    const flight = { message, order: ++link.sent, sentUs: this.scheduler.nowUs };
    if (link.cuts > 0 || this.mailboxes[to] === undefined) {
      this.drop(link, message, link.cuts > 0 ? 'cut' : 'down');
    } else if (this.happens(this.options.lossPercent + this.extraLossPercent)) {
      this.observer.dropped(from, to, message, 'lost');
    } else {
      this.launch(link, flight);
      const doublePercent = this.options.duplicatePercent + this.extraDuplicatePercent;
      if (mayBeDoubled(message) && this.happens(doublePercent)) {
        this.observer.doubled(from, to);
        this.launch(link, flight);
      }
    }
  }

  cut(from: NodeId, to: NodeId): void {
    this.link(from, to).cuts++;
  }

  mend(from: NodeId, to: NodeId): void {
    const link = this.link(from, to);
    if (link.cuts > 0) link.cuts--;
  }

  isCut(from: NodeId, to: NodeId): boolean {
    return this.link(from, to).cuts > 0;
  }

  hold(from: NodeId, to: NodeId): void {
    this.link(from, to).holds++;
  }

  release(from: NodeId, to: NodeId): void {
    const link = this.link(from, to);
    if (link.holds > 0 && --link.holds === 0) this.letGo(link);
  }

  catchNext(catcher: Catcher): void {
    this.catchers.add(catcher);
  }

  /** Lets go what the catcher holds, in order; it takes nothing more. */
  letGoCaught(catcher: Catcher): void {
    this.catchers.delete(catcher);
    const now = this.scheduler.nowUs;
    const rest: Caught[] = [];
    for (const item of this.caught) {
      if (item.catcher !== catcher) rest.push(item);
      else {
        const index = item.link.index;
        this.scheduler.schedule(now, this, NetworkEvent.deliver, index, item.flight);
      }
    }
    this.caught = rest;
  }

  /** Adds to the percentages of loss and duplication; negative numbers take it back. */
  disturb(lossPercent: number, duplicatePercent: number): void {
    this.extraLossPercent += lossPercent;
    this.extraDuplicatePercent += duplicatePercent;
  }

  /** Ends every fault: nothing is cut, held, lost or doubled from now on. */
  heal(): void {
    for (const catcher of [...this.catchers]) this.letGoCaught(catcher);
    for (const link of this.links) {
      link.cuts = 0;
      link.holds = 0;
      this.letGo(link);
    }
    this.extraLossPercent = 0;
    this.extraDuplicatePercent = 0;
    this.options = { ...this.options, lossPercent: 0, duplicatePercent: 0, slowPercent: 0 };
  }

  handle(kind: number, index: number, payload: unknown): void {
    const link = this.links[index]!;
    if (kind === NetworkEvent.deliver) {
      this.arrive(link, payload as Flight);
      return;
    }
    link.reportPending = false;
    this.mailboxes[link.from]?.unreachable(link.to);
  }

  private arrive(link: Link, flight: Flight): void {
    if (link.cuts > 0) {
      this.drop(link, flight.message, 'cut');
      return;
    }
    if (link.holds > 0) {
      link.held.push(flight);
      return;
    }
    if (this.catchers.size > 0 && this.catches(link, flight)) return;
    const mailbox = this.mailboxes[link.to];
    if (mailbox === undefined) {
      this.drop(link, flight.message, 'down');
      return;
    }
    if (flight.order < link.delivered) this.observer.overtook(link.from, link.to);
    else link.delivered = flight.order;
    this.observer.reached(link.to, flight.message, flight.sentUs);
    mailbox.deliver(flight.message);
  }

  private catches(link: Link, flight: Flight): boolean {
    const { message } = flight;
    const type = message.kind === 'raft' ? message.message.type : 'snapshot';
    for (const catcher of this.catchers) {
      if (catcher.left === 0 || catcher.to !== link.to || catcher.type !== type) continue;
      if (catcher.copies && !mayBeDoubled(message)) continue;
      catcher.left--;
      this.caught.push({ catcher, link, flight });
      if (!catcher.copies) return true;
      this.observer.doubled(link.from, link.to);
    }
    return false;
  }

  private launch(link: Link, flight: Flight): void {
    const { delayUsMin, delayUsMax, slowPercent, slowMsMax, ordered } = this.options;
    let delay = this.random.between(delayUsMin, delayUsMax);
    if (this.happens(slowPercent)) delay += this.random.below(slowMsMax * 1000);
    let at = this.scheduler.nowUs + delay;
    if (ordered) at = Math.max(at, link.newestDeliveryUs);
    link.newestDeliveryUs = Math.max(at, link.newestDeliveryUs);
    this.scheduler.schedule(at, this, NetworkEvent.deliver, link.index, flight);
  }

  private happens(percent: number): boolean {
    return this.random.chance(percent / 100);
  }

  private letGo(link: Link): void {
    const held = link.held;
    link.held = [];
    const now = this.scheduler.nowUs;
    for (const flight of held) {
      this.scheduler.schedule(now, this, NetworkEvent.deliver, link.index, flight);
    }
  }

  private drop(link: Link, message: PeerMessage, reason: DropReason): void {
    this.observer.dropped(link.from, link.to, message, reason);
    if (link.reportPending) return;
    link.reportPending = true;
    const at = this.scheduler.nowUs + UNREACHABLE_AFTER_US;
    this.scheduler.schedule(at, this, NetworkEvent.unreachable, link.index, undefined);
  }

  private link(from: NodeId, to: NodeId): Link {
    return this.links[(from - 1) * this.members + to - 1]!;
  }
}

/**
 * A proposal on its way to the leader is the one message that is not idempotent: doubled, it
 * would be carried out twice. The transport owes it at most one delivery, as a TCP stream gives.
 */
function mayBeDoubled(message: PeerMessage): boolean {
  return message.kind !== 'raft' || message.message.type !== 'propose';
}

function newLink(index: number, from: NodeId, to: NodeId): Link {
  return {
    index,
    from,
    to,
    cuts: 0,
    holds: 0,
    held: [],
    sent: 0,
    delivered: 0,
    newestDeliveryUs: 0,
    reportPending: false,
  };
}

/** One incarnation of a member's end of the network. */
export class SimTransport implements Transport, Mailbox {
  private receive: ((message: PeerMessage) => void) | undefined;
  private report: ((peer: NodeId) => void) | undefined;
  private closed = false;

  constructor(
    private readonly member: NodeId,
    private readonly network: SimNetwork,
    private readonly runtime: SimRuntime,
    private readonly delivered: (message: PeerMessage) => void,
  ) {
    runtime.onMessage = (message) => {
      if (this.closed || this.receive === undefined) return;
      this.delivered(message as PeerMessage);
      this.receive(message as PeerMessage);
    };
  }

  send(to: NodeId, message: PeerMessage): void {
    if (!this.closed) this.network.send(this.member, to, message);
  }

  onMessage(receive: (message: PeerMessage) => void): void {
    this.receive = receive;
  }

  onUnreachable(report: (peer: NodeId) => void): void {
    this.report = report;
  }

  close(): void {
    this.closed = true;
  }

  deliver(message: PeerMessage): void {
    this.runtime.deliver(message);
  }

  unreachable(peer: NodeId): void {
    this.runtime.enter(() => {
      if (!this.closed) this.report?.(peer);
    });
  }
}
