/**
 * Raft thesis, section 6.3, as far as the reference promises it: a request goes into the log once,
 * whatever is lost, doubled or retried on the way; a client that is not sure hears that.
 */
import { decodeCommand, decodeOrigin } from '../../kv';
import type { Entry, Index } from '../../raft/types';
import type { Invariant, Report } from './invariant';

export class ExactlyOnce implements Invariant {
  readonly name = 'exactlyOnce';
  readonly sentence = 'No request takes effect twice.';
  /** By origin, then by sequence. */
  private readonly places = new Map<number, Map<number, Index>>();
  private seenIndex: Index = 0;

  constructor(private readonly report: Report) {}

  /** Call for each applied entry; what another member applied before is passed over. */
  applied({ index, type, data }: Entry): void {
    if (index <= this.seenIndex) return;
    this.seenIndex = index;
    if (type !== 'normal' || data.length === 0) return;
    const { origin, sequence } = decodeOrigin(data);
    let places = this.places.get(origin);
    if (places === undefined) this.places.set(origin, (places = new Map<number, Index>()));
    const place = places.get(sequence);
    if (place === undefined) places.set(sequence, index);
    else {
      const { kind } = decodeCommand(data).command;
      this.report(
        this,
        `request ${sequence} of n${origin} (${kind}) is applied at index ${place} ` +
          `and at index ${index}`,
      );
    }
  }
}
