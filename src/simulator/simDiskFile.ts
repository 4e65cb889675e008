/**
 * An open file of a simulated disk: a handle that dies with the process that opened it, or with
 * the power. All it does goes through the disk, where failures and the end of power are decided.
 */
import type { DiskFile, SyncDone } from '../storage/disk';
import type { SimInode } from './simDiskInode';

/** The disk as its open files see it; each call may throw DiskError. */
export interface SimDevice {
  /** Whether a handle of that life may still be used. */
  assertAlive(path: string, life: number, closed: boolean): void;
  assertReadable(path: string): void;
  appendTo(path: string, inode: SimInode, parts: readonly Uint8Array[]): void;
  truncate(path: string, inode: SimInode, size: number): void;
  sync(path: string, inode: SimInode, done: SyncDone): void;
  syncNow(path: string, inode: SimInode): void;
}

export class SimFile implements DiskFile {
  private closed = false;

  constructor(
    private readonly disk: SimDevice,
    readonly path: string,
    private readonly inode: SimInode,
    private readonly life: number,
  ) {}

  get size(): number {
    return this.inode.size;
  }

  append(...parts: readonly Uint8Array[]): void {
    this.assertAlive();
    this.disk.appendTo(this.path, this.inode, parts);
  }

  read(offset: number, length: number): Uint8Array {
    this.assertAlive();
    this.disk.assertReadable(this.path);
    return this.inode.read(offset, length);
  }

  truncate(size: number): void {
    this.assertAlive();
    this.disk.truncate(this.path, this.inode, size);
  }

  sync(done: SyncDone): void {
    this.assertAlive();
    this.disk.sync(this.path, this.inode, done);
  }

  syncNow(): void {
    this.assertAlive();
    this.disk.syncNow(this.path, this.inode);
  }

  close(): void {
    this.closed = true;
  }

  private assertAlive(): void {
    this.disk.assertAlive(this.path, this.life, this.closed);
  }
}
