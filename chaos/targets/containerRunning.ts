/**
 * A running cluster of containers: what faults act on and probes ask.
 *
 * Invariant: after disposal no container, network, connection or log descriptor of it is left,
 * whatever state the members were in.
 */
import type { MemberContainer } from '../containers/memberContainer';
import type { Pod } from '../containers/pod';
import type { LinkShape, MemberLimits } from '../target';
import { RunningMembers, type PlacedMember } from './runningMembers';

/** A member with its place: address, log, network and container. */
export interface PlacedContainer extends PlacedMember<MemberContainer> {
  readonly pod: Pod;
  /** Its command when it joins a running cluster. */
  readonly joinCommand: (initialCluster: string) => readonly string[];
}

export class RunningContainerCluster extends RunningMembers<MemberContainer, PlacedContainer> {
  async cut(from: string, to: string): Promise<void> {
    const sender = this.placed(from).pod;
    const receiver = this.placed(to).pod;
    this.assertCanCut();
    if (receiver.cutter!.at === 'receiver') await receiver.cut(sender.address);
    else await sender.cut(receiver.address);
  }

  async shape(from: string, to: string, shape: LinkShape): Promise<void> {
    const sender = this.placed(from).pod;
    const receiver = this.placed(to).pod;
    const { loss, ...rest } = shape;
    if (sender.tools.hasNetem) {
      await sender.shape(receiver.address, shape);
      return;
    }
    const { delayMs, jitterMs, duplicate, reorder, bytesPerSecond } = rest;
    if (delayMs ?? jitterMs ?? duplicate ?? reorder) throw this.notCapable('netem in the kernel');
    if (loss !== undefined) await receiver.lose(sender.address, loss);
    if (bytesPerSecond !== undefined) await sender.shape(receiver.address, { bytesPerSecond });
  }

  breakConnections(): Promise<void> {
    return Promise.reject(this.notCapable('proxies that could break connections'));
  }

  async mendAll(): Promise<void> {
    this.assertCanCut();
    await Promise.all(this.parts.members.map(({ pod }) => pod.mend()));
  }

  async limit(name: string, { memoryBytes, diskBytesPerSecond, cpus }: MemberLimits) {
    const { unit } = this.placed(name);
    if (memoryBytes ?? diskBytesPerSecond) {
      throw this.notCapable('limits of memory or disk while containers run');
    }
    await unit.limitCpus(cpus);
  }

  setClock(): Promise<void> {
    return Promise.reject(this.notCapable('clock that could be moved'));
  }

  /** What a container wrote goes with it, so a new one is empty. */
  async wipe(name: string): Promise<void> {
    await this.placed(name).unit.discard();
  }

  async startAnew(name: string, initialCluster: string): Promise<void> {
    const { unit, joinCommand } = this.placed(name);
    await unit.discard();
    unit.setCommand(joinCommand(initialCluster));
    await unit.start();
  }

  /** Ends everything of the runner's own: probes, shells, logs. */
  close(): void {
    this.closeProbes();
    for (const { unit, pod } of this.parts.members) {
      unit.close();
      pod.close();
    }
  }

  /** The containers themselves go with the rest of the cluster (`cleanUp`). */
  protected endAll(): Promise<void> {
    this.close();
    return Promise.resolve();
  }

  private assertCanCut(): void {
    if (!this.capabilities.has('partition')) throw this.notCapable('links that could be cut');
  }
}
