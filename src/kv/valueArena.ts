/**
 * Room for values that live no longer than one answer: many of them share one allocation, which
 * goes when the last of them does. For what is kept longer than its neighbours it is the wrong
 * place, since one small value would hold on to all of them.
 */

/** Values as large get an allocation of their own. */
const OWN_BYTES = 16 * 1024;
const SLAB_BYTES = 64 * 1024;

export class ValueArena {
  private slab = new Uint8Array(0);
  private used = 0;

  /** So many bytes, whatever is in them. */
  take(bytes: number): Uint8Array {
    if (bytes >= OWN_BYTES) return new Uint8Array(bytes);
    if (this.used + bytes > this.slab.length) {
      this.slab = new Uint8Array(SLAB_BYTES);
      this.used = 0;
    }
    // As `subarray`, at half its cost.
    const taken = new Uint8Array(this.slab.buffer, this.used, bytes);
    this.used += bytes;
    return taken;
  }
}
