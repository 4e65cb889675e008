/**
 * A disk in memory that behaves as badly as a real one may, and always the same way for the same
 * random stream. What a finished sync covered is safe; everything else may be lost, kept or torn
 * when the power fails, files and directory entries alike. On request it runs full, fails, gets
 * slow, lies about syncs, flips bits, or loses power in the middle of the n-th call.
 *
 * A power failure leaves the disk off until `reopen`. Open files and callbacks of the life before
 * are dead: the files refuse, the callbacks are never called.
 */
import type { Disk, DiskFile, SyncDone } from '../storage/disk';
import { DiskError } from '../storage/disk';
import { SimDirectories } from './simDiskDirectories';
import type { SimDevice } from './simDiskFile';
import { SimFile } from './simDiskFile';
import type { SimInode } from './simDiskInode';

const SYNC_DELAY_MS = 0.5;

export interface SimDiskOptions {
  /** Runs `run` after `delayMs` of virtual time; the simulator's scheduler. */
  readonly schedule: (delayMs: number, run: () => void) => void;
  /** An integer in [0, n): the disk's own random stream. */
  readonly random: (n: number) => number;
  /** How long a sync takes. Default 0.5 ms. */
  readonly syncDelayMs?: number | undefined;
  /** Bytes that fit; more fails with ENOSPC. Default: no limit. */
  readonly capacityBytes?: number | undefined;
}

/** `sync` covers files and directories, waiting in place or not. */
export type SimDiskOperation =
  'append' | 'truncate' | 'sync' | 'read' | 'create' | 'rename' | 'remove';

interface PlannedFailure {
  readonly operation: SimDiskOperation;
  readonly code: string;
  readonly pathPart: string;
}

export class SimDisk implements Disk, SimDevice {
  /** May be changed at any time; a sync takes what holds when it starts. */
  syncDelayMs: number;
  capacityBytes: number;
  /** True: a sync reports success and makes nothing durable. */
  lyingSync = false;

  private readonly schedule: (delayMs: number, run: () => void) => void;
  private readonly random: (n: number) => number;
  private readonly directories = new SimDirectories();
  private failures: PlannedFailure[] = [];
  /** Changes whenever files come or go. */
  generation = 0;
  /** Files with a failed sync. */
  private readonly poisonedFiles = new Set<SimInode>();
  /** Calls that failed because they were told to, or because the disk was full. */
  failuresSeen = 0;
  /** Counts lives: what was opened or asked for in an earlier one is dead. */
  private life = 0;
  private off = false;
  private callsToPowerOff = Infinity;

  constructor(options: SimDiskOptions) {
    this.schedule = options.schedule;
    this.random = options.random;
    this.syncDelayMs = options.syncDelayMs ?? SYNC_DELAY_MS;
    this.capacityBytes = options.capacityBytes ?? Infinity;
  }

  get usedBytes(): number {
    return this.directories.usedBytes();
  }

  list(directory: string): readonly string[] {
    this.assertOn(directory);
    return this.directories.list(directory);
  }

  exists(path: string): boolean {
    this.assertOn(path);
    return this.directories.exists(path);
  }

  createDirectory(path: string): void {
    this.assertOn(path);
    this.directories.createDirectory(path);
  }

  create(path: string): DiskFile {
    this.begin('create', path);
    this.generation++;
    return new SimFile(this, path, this.directories.create(path), this.life);
  }

  open(path: string): DiskFile {
    this.assertOn(path);
    return new SimFile(this, path, this.directories.file(path), this.life);
  }

  rename(from: string, to: string): void {
    this.begin('rename', from);
    this.generation++;
    this.directories.rename(from, to);
  }

  remove(path: string): void {
    this.begin('remove', path);
    this.generation++;
    this.directories.remove(path);
  }

  syncDirectory(directory: string, done: SyncDone): void {
    this.beginChange(directory);
    const upTo = this.directories.changeCount(directory);
    this.later(directory, done, () => this.directories.makeDurable(directory, upTo));
  }

  syncDirectoryNow(directory: string): void {
    this.begin('sync', directory);
    const upTo = this.directories.changeCount(directory);
    if (!this.lyingSync) this.directories.makeDurable(directory, upTo);
  }

  /** The next such call on a path that contains `pathPart` fails with this code, once. */
  failNext(operation: SimDiskOperation, code: string, pathPart = ''): void {
    this.failures.push({ operation, code, pathPart });
  }

  /** What was planned by `failNext` and has not come will not come any more. */
  clearFailures(): void {
    this.failures = [];
  }

  /** After this many more calls that change something, the power goes in the middle of the next. */
  powerOffAfter(calls: number): void {
    this.callsToPowerOff = calls;
  }

  /**
   * The process died: its files and callbacks are gone, the page cache stays. Pages of a failed
   * sync are the exception: the system took them for clean and has read the device again.
   */
  kill(): void {
    this.life++;
    for (const inode of this.poisonedFiles) inode.losePower(this.random);
    this.poisonedFiles.clear();
  }

  /** A sync failed, and what it should have covered goes when the process does. */
  get poisoned(): boolean {
    return this.poisonedFiles.size > 0;
  }

  /** Power failure; the disk stays off until `reopen`. */
  crash(): void {
    this.life++;
    this.off = true;
    this.callsToPowerOff = Infinity;
    this.failures = [];
    this.generation++;
    this.poisonedFiles.clear();
    this.directories.losePower(this.random);
    for (const path of this.directories.paths()) {
      this.directories.file(path).losePower(this.random);
    }
  }

  /** Power is back. */
  reopen(): void {
    this.off = false;
  }

  flipBit(path: string, byteOffset: number, bit: number): void {
    this.directories.file(path).flipBit(byteOffset, bit);
  }

  /** The content as the operating system shows it. */
  bytesOf(path: string): Uint8Array {
    const inode = this.directories.file(path);
    return inode.read(0, inode.size);
  }

  /** What the path stands for until `generation` changes; undefined: there is no such file. */
  inodeOf(path: string): Pick<SimInode, 'size'> | undefined {
    return this.directories.find(path);
  }

  /** Puts other durable content in place: damage of any kind. */
  replaceBytes(path: string, bytes: Uint8Array): void {
    this.directories.file(path).replace(bytes);
  }

  /** All file paths, sorted. */
  paths(): readonly string[] {
    return this.directories.paths();
  }

  // What follows is for the open files.

  assertAlive(path: string, life: number, closed: boolean): void {
    this.assertOn(path);
    if (life !== this.life || closed) {
      throw new DiskError('EBADF', path, `${path} is not open any more`);
    }
  }

  appendTo(path: string, inode: SimInode, parts: readonly Uint8Array[]): void {
    const { capacityBytes } = this;
    if (this.failures.length === 0 && capacityBytes === Infinity && this.callsToPowerOff > 0) {
      this.callsToPowerOff--;
      for (const part of parts) inode.append(part);
      return;
    }
    const total = parts.reduce((sum, part) => sum + part.length, 0);
    const code = this.plannedFailure('append', path);
    const free =
      capacityBytes === Infinity ? Infinity : Math.max(0, capacityBytes - this.usedBytes);
    if (--this.callsToPowerOff < 0) {
      writeSome(inode, parts, this.random(total + 1));
      this.losePowerDuring(path);
    }
    if (code !== undefined || total > free) {
      if (code === undefined) this.failuresSeen++;
      writeSome(inode, parts, Math.min(free, this.random(total + 1)));
      throw failed(code ?? 'ENOSPC', path, 'append');
    }
    for (const part of parts) inode.append(part);
  }

  truncate(path: string, inode: SimInode, size: number): void {
    this.begin('truncate', path);
    inode.truncate(size);
  }

  assertReadable(path: string): void {
    const code = this.plannedFailure('read', path);
    if (code !== undefined) throw failed(code, path, 'read');
  }

  sync(path: string, inode: SimInode, done: SyncDone): void {
    this.beginChange(path);
    const upTo = inode.changeCount;
    const poison = (): void => this.poison(inode);
    this.later(path, done, () => inode.makeDurable(upTo), poison);
  }

  syncNow(path: string, inode: SimInode): void {
    this.beginChange(path);
    const code = this.plannedFailure('sync', path);
    if (code !== undefined) {
      this.poison(inode);
      throw failed(code, path, 'sync');
    }
    if (!this.lyingSync) inode.makeDurable(inode.changeCount);
  }

  private poison(inode: SimInode): void {
    inode.poisoned = true;
    this.poisonedFiles.add(inode);
  }

  private assertOn(path: string): void {
    if (this.off) throw new DiskError('EPOWER', path, `${path}: the power is off`);
  }

  private begin(operation: SimDiskOperation, path: string): void {
    this.beginChange(path);
    const code = this.plannedFailure(operation, path);
    if (code !== undefined) throw failed(code, path, operation);
  }

  private beginChange(path: string): void {
    this.assertOn(path);
    if (--this.callsToPowerOff < 0) this.losePowerDuring(path);
  }

  private losePowerDuring(path: string): never {
    this.crash();
    throw new DiskError('EPOWER', path, `${path}: the power went off`);
  }

  /** Success or failure is drawn when a sync starts and told when it ends. */
  private later(path: string, done: SyncDone, succeed: () => void, fail?: () => void): void {
    const { life } = this;
    const code = this.plannedFailure('sync', path);
    this.schedule(this.syncDelayMs, () => {
      if (life !== this.life) return;
      if (code === undefined) {
        if (!this.lyingSync) succeed();
        done(undefined);
      } else {
        fail?.();
        done(failed(code, path, 'sync'));
      }
    });
  }

  private plannedFailure(operation: SimDiskOperation, path: string): string | undefined {
    if (this.failures.length === 0) return undefined;
    const i = this.failures.findIndex(
      (planned) => planned.operation === operation && path.includes(planned.pathPart),
    );
    if (i < 0) return undefined;
    this.failuresSeen++;
    return this.failures.splice(i, 1)[0]!.code;
  }
}

function writeSome(inode: SimInode, parts: readonly Uint8Array[], bytes: number): void {
  let left = bytes;
  for (const part of parts) {
    inode.append(part.subarray(0, left));
    left = Math.max(0, left - part.length);
  }
}

function failed(code: string, path: string, operation: SimDiskOperation): DiskError {
  return new DiskError(code, path, `${code}: ${operation} ${path}`);
}
