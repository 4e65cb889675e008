/**
 * Integers up to 2^53 in eight bytes, little-endian. Written as two halves: as fast as a double
 * and readable in a hex dump, without the cost of BigInt.
 */
const HALF = 0x1_0000_0000;

export function putUint64(view: DataView, at: number, value: number): void {
  view.setUint32(at, value % HALF, true);
  view.setUint32(at + 4, Math.floor(value / HALF), true);
}

/** The same without a view, which costs more to make than this takes. */
export function writeUint64(bytes: Uint8Array, at: number, value: number): void {
  const low = value % HALF;
  const high = Math.floor(value / HALF);
  for (let i = 0; i < 4; i++) {
    bytes[at + i] = low >>> (8 * i);
    bytes[at + 4 + i] = high >>> (8 * i);
  }
}

/** Undefined when the value is beyond 2^53: no writer of ours wrote it. */
export function getUint64(view: DataView, at: number): number | undefined {
  const high = view.getUint32(at + 4, true);
  return high >= 0x20_0000 ? undefined : high * HALF + view.getUint32(at, true);
}

export function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

export function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}
