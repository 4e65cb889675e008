/**
 * Knows which bytes of a log are vouched for: those that were durable when a record was written
 * that is durable itself by now. Damage there must be noticed; damage behind them looks like the
 * torn tail of a crash, which no single copy can tell from a loss.
 *
 * It follows the log from outside, by sizes alone, and rather says less than the log knows.
 */
import type { SimDisk } from './simDisk';

export interface DamageSpot {
  readonly path: string;
  readonly offset: number;
  /** Bytes of the file that are vouched for; all damage stays in front of this. */
  readonly vouched: number;
}

interface Extent {
  readonly path: string;
  readonly bytes: number;
}

/** Bytes that a misdirected write covers. */
const BLOCK_BYTES = 64;

export class LogWitness {
  /** Durable, by the last sync that finished. */
  private durable: Extent;
  /** What the newest record says, and what the newest durable record says. */
  private said: Extent | undefined;
  private vouched: Extent | undefined;
  private newestPath = '';
  private newestFile: { readonly size: number } | undefined;
  /** Of the disk, when the newest path was looked up. */
  private generation = -1;

  constructor(
    private readonly disk: SimDisk,
    private readonly directory: string,
  ) {
    // A log that has just been opened is durable as it stands.
    this.durable = this.newest();
  }

  appended(): void {
    this.said = this.durable;
  }

  /** A sync begins; call the result when it has succeeded. */
  syncing(): () => void {
    const { said } = this;
    const covered = this.newest();
    return () => {
      this.durable = covered;
      if (said !== undefined) this.vouched = said;
    };
  }

  /** `place` from 0 to 1 within what is vouched for. */
  spot(place: number): DamageSpot | undefined {
    const { vouched } = this;
    if (vouched === undefined || vouched.bytes < 2 * BLOCK_BYTES) return undefined;
    if (!this.disk.exists(vouched.path)) return undefined;
    const offset = Math.min(vouched.bytes - 1, Math.floor(place * vouched.bytes));
    return { path: vouched.path, offset, vouched: vouched.bytes };
  }

  private newest(): Extent {
    const { disk, directory } = this;
    if (this.generation !== disk.generation) {
      this.generation = disk.generation;
      const names = disk.list(directory).filter((name) => name.endsWith('.wal'));
      this.newestPath = `${directory}/${names[names.length - 1] ?? ''}`;
      this.newestFile = disk.inodeOf(this.newestPath);
    }
    return { path: this.newestPath, bytes: this.newestFile?.size ?? 0 };
  }
}

/** `flip`: one bit. `misdirect`: a block of the file is written to another place of it. */
export function damageDisk(disk: SimDisk, spot: DamageSpot, how: 'flip' | 'misdirect'): void {
  const { path, offset, vouched } = spot;
  if (how === 'misdirect') {
    const bytes = disk.bytesOf(path);
    const before = bytes.slice();
    const to = Math.min(offset, vouched - BLOCK_BYTES);
    const from = (to + (vouched >> 1)) % (vouched - BLOCK_BYTES);
    bytes.copyWithin(to, from, from + BLOCK_BYTES);
    if (bytes.some((byte, at) => byte !== before[at])) {
      disk.replaceBytes(path, bytes);
      return;
    }
  }
  disk.flipBit(path, offset, offset % 8);
}
