/** What a batch of normal entries that the core did not take means for those who wait for it. */
import type { ProposalOutcome } from '../raft';
import { NotServed } from './notServed';

/** Undefined when the core took the batch; else certainly nothing of it will happen. */
export function notProposed(
  outcome: ProposalOutcome,
  maxUncommittedBytes: number,
): NotServed | undefined {
  switch (outcome) {
    case 'accepted':
    case 'forwarded':
      return undefined;
    case 'tooManyBytes': {
      const text = `more than ${maxUncommittedBytes} bytes are proposed and not yet committed`;
      return new NotServed('tooManyRequests', true, text);
    }
    case 'transferring':
      return new NotServed('noLeader', true, 'leadership is being transferred');
    case 'noLeader':
    case 'removed':
      return new NotServed('noLeader', true, 'no leader is known');
    default:
      throw new Error(`a proposal of normal entries ended as ${outcome}`);
  }
}
