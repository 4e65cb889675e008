/** What the parts of the nemesis share: what they act on, and the book of what they did. */
import type { NodeId } from '../raft/types';
import type { AskFault, Fault, FaultTarget, HuntFault, InterruptFault } from './faults';
import type { Marks } from './marks';
import type { DirectedLink } from './partitions';
import type { PlannedOperation } from './plan';
import type { Scheduler } from './scheduler';
import type { SimMember } from './simMember';
import type { Catcher, SimNetwork } from './simNetwork';
import type { Trace } from './trace';

export interface NemesisParts {
  readonly scheduler: Scheduler;
  readonly network: SimNetwork;
  readonly trace: Trace;
  readonly marks: Marks;
  readonly members: readonly SimMember[];
  /** Members that the cluster begins with: those with the first numbers. */
  readonly founders: number;
  /** Told of starts and stops, in the order they happen. */
  readonly recordFault: (fault: Fault, phase: 'injected' | 'healed', targets: NodeId[]) => void;
  readonly start: (member: SimMember) => void;
  readonly stop: (member: SimMember, how: 'crash' | 'kill') => void;
  /** Begins and ends the watch for a moment. */
  readonly hunt: (fault: HuntFault | AskFault | InterruptFault, active: boolean) => void;
  /** A client that is not in the plan asks, at once. */
  readonly ask: (operation: PlannedOperation) => void;
}

/** What one fault did, for its undoing. */
export interface Strike {
  readonly fault: Fault;
  readonly targets: NodeId[];
  links: readonly DirectedLink[];
  catcher: Catcher | undefined;
  undone: boolean;
}

/** Where every strike is written down, so that each is undone, once. */
export interface StrikeBook {
  /** Who a target is at this moment. */
  find(target: FaultTarget): SimMember | undefined;
  begin(fault: Fault, targets: NodeId[]): Strike;
  /** Undoes it after this time. */
  lasts(strike: Strike, forMs: number): void;
  /** These members lose power. */
  takeDown(fault: Fault, members: SimMember[]): Strike;
  restart(targets: readonly NodeId[]): void;
}
