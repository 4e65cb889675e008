/**
 * Raft thesis, section 6.3, as far as the reference promises it: a request goes into the log once,
 * whatever is lost, doubled or retried on the way; a client that is not sure hears that.
 */
import { decodeCommand } from '../../kv';
import type { Entry, Index } from '../../raft/types';
import type { Invariant, Report } from './invariant';

export class ExactlyOnce implements Invariant {
  readonly name = 'exactlyOnce';
  readonly sentence = 'No request takes effect twice.';
  private readonly places = new Map<string, Index>();
  private seenIndex: Index = 0;

  constructor(private readonly report: Report) {}

  /** Call for each applied entry; what another member applied before is passed over. */
  applied({ index, type, data }: Entry): void {
    if (index <= this.seenIndex) return;
    this.seenIndex = index;
    if (type !== 'normal' || data.length === 0) return;
    const { origin, sequence, command } = decodeCommand(data);
    const request = `${origin}/${sequence}`;
    const place = this.places.get(request);
    if (place === undefined) this.places.set(request, index);
    else {
      this.report(
        this,
        `request ${sequence} of n${origin} (${command.kind}) is applied at index ${place} ` +
          `and at index ${index}`,
      );
    }
  }
}
