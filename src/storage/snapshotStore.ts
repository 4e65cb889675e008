/**
 * The snapshots of a member: finished files, at most one that is being received, and those being
 * written. A snapshot exists from the moment its file has its final name and its directory is
 * durable; before that nobody sees it, after that it is complete.
 *
 * A received snapshot can be resumed at the offset where it stopped, after a broken stream and
 * after a restart. What identifies it is index, term, configuration and size: the bytes of a
 * snapshot must depend on nothing else, because the rest may come from another member.
 */
import type { SnapshotMetadata } from '../raft/types';
import { sameConf } from './confCodec';
import type { Checksum } from './crc32';
import { checksumOf } from './crc32';
import type { Disk } from './disk';
import { assertUse, CorruptionError, StorageError } from './errors';
import type { SnapshotHeader } from './snapshotFormat';
import { CHUNK_BYTES_LIMIT, decodeSnapshotHeader, encodeSnapshotHeader } from './snapshotFormat';
import { SnapshotReader } from './snapshotReader';
import type { SnapshotTarget } from './snapshotWriter';
import { SnapshotWriter } from './snapshotWriter';

export type { SnapshotReader, SnapshotWriter };

export const SNAPSHOT_CHUNK_BYTES = 256 * 1024;

export interface SnapshotStoreOptions {
  /** Told about each damaged file that is found when the store is opened. */
  readonly onDamage?: ((error: CorruptionError) => void) | undefined;
  /** Bytes of payload under one checksum, held in memory by a writer. Default 256 KiB. */
  readonly chunkBytes?: number | undefined;
}

/** A writer that goes on where an earlier one for the same snapshot stopped: see `offset`. */
export type SnapshotReceiver = SnapshotWriter;

interface Receiving {
  readonly metadata: SnapshotMetadata;
  readonly totalBytes: number;
  readonly writer: SnapshotWriter;
}

export class SnapshotStore {
  /** Finished and not known to be damaged, oldest first. */
  private finished: SnapshotMetadata[] = [];
  private readonly damagedFiles: CorruptionError[] = [];
  private readonly writing = new Set<SnapshotWriter>();
  private receiving: Receiving | undefined;
  private readonly checksum: Checksum;

  private constructor(
    private readonly disk: Disk,
    private readonly directory: string,
    private readonly chunkBytes: number,
  ) {
    this.checksum = checksumOf(disk);
  }

  /**
   * Finds the snapshots in `directory` (made if need be) and reads the newest one through, going
   * on to an older one while it is damaged. Throws StorageError when the disk fails.
   */
  static open(disk: Disk, directory: string, options: SnapshotStoreOptions = {}): SnapshotStore {
    const chunkBytes = options.chunkBytes ?? SNAPSHOT_CHUNK_BYTES;
    assertUse(
      chunkBytes > 0 && chunkBytes <= CHUNK_BYTES_LIMIT,
      directory,
      () => `chunkBytes ${chunkBytes} is not in 1..${CHUNK_BYTES_LIMIT}`,
    );
    const store = new SnapshotStore(disk, directory, chunkBytes);
    try {
      disk.createDirectory(directory);
      store.scan();
    } catch (error) {
      throw StorageError.from(`opening the snapshots in ${directory}`, error);
    }
    for (const damage of store.damagedFiles) options.onDamage?.(damage);
    return store;
  }

  /** Files that failed their checksums when the store was opened. They stay for inspection. */
  get damaged(): readonly CorruptionError[] {
    return this.damagedFiles;
  }

  /** Bytes of all files in the directory. */
  get bytes(): number {
    return this.disk.list(this.directory).reduce((sum, name) => sum + this.sizeOf(name), 0);
  }

  newest(): SnapshotMetadata | undefined {
    return this.finished[this.finished.length - 1];
  }

  /** Begins a snapshot of this member's own state. */
  create(metadata: SnapshotMetadata): SnapshotWriter {
    const { bytes, header } = this.headerOf(metadata);
    const temporary = this.path(metadata, 'creating');
    return this.track(metadata, temporary, (target) =>
      SnapshotWriter.begin(target, bytes, header, undefined),
    );
  }

  /** Throws StorageError when there is no such snapshot, CorruptionError when it is damaged. */
  open(metadata: SnapshotMetadata): SnapshotReader {
    try {
      return this.readerOf(this.path(metadata, 'snap'));
    } catch (error) {
      throw StorageError.from(`opening the snapshot at ${metadata.index}`, error);
    }
  }

  /**
   * Begins or resumes a snapshot from another member; its `offset` says where to go on. There is
   * one at a time: another one that was on its way is forgotten.
   */
  receive(metadata: SnapshotMetadata, totalBytes: number): SnapshotReceiver {
    const now = this.receiving;
    if (now && now.totalBytes === totalBytes && same(now.metadata, metadata)) return now.writer;
    now?.writer.abort();
    const temporary = this.path(metadata, `${totalBytes}.receiving`);
    try {
      this.removeWhere((name) => name.endsWith('.receiving') && !temporary.endsWith(`/${name}`));
      const writer = this.track(metadata, temporary, (target) => {
        const { bytes, header } = this.headerOf(metadata);
        return (
          this.resume(target, header, totalBytes) ??
          SnapshotWriter.begin(target, bytes, header, totalBytes)
        );
      });
      this.receiving = { metadata, totalBytes, writer };
      return writer;
    } catch (error) {
      throw StorageError.from(`receiving the snapshot at ${metadata.index}`, error);
    }
  }

  /** Removes all finished snapshots but the newest `count`; open readers go on reading. */
  retain(count: number): void {
    assertUse(count >= 0, this.directory, () => `cannot retain ${count} snapshots`);
    const retained = this.finished.slice(Math.max(0, this.finished.length - count));
    const kept = new Set(retained.map((metadata) => fileName(metadata)));
    const newest = this.newest();
    if (newest === undefined) return;
    try {
      this.removeWhere(
        (name) => name.endsWith('.snap') && !kept.has(name) && name <= fileName(newest),
      );
    } catch (error) {
      throw StorageError.from('removing old snapshots', error);
    }
    this.finished = retained;
  }

  /** Ends all writers. A partly received snapshot stays on disk and can be resumed. */
  close(): void {
    this.receiving?.writer.suspend();
    for (const writer of [...this.writing]) writer.abort();
  }

  private scan(): void {
    this.removeWhere((name) => name.endsWith('.creating'));
    const names = this.disk.list(this.directory).filter((name) => NAME.test(name));
    // Names sort as (index, term) do. Only what may be served soon is read through.
    for (const name of [...names].reverse()) {
      try {
        const reader = this.readerOf(`${this.directory}/${name}`);
        if (this.finished.length === 0) reader.verify();
        reader.close();
        this.finished.unshift(reader.metadata);
      } catch (error) {
        if (!(error instanceof CorruptionError)) throw error;
        this.damagedFiles.push(error);
      }
    }
  }

  private readerOf(path: string): SnapshotReader {
    const file = this.disk.open(path);
    try {
      const reader = SnapshotReader.open(file, this.checksum);
      if (path.endsWith(`/${fileName(reader.metadata)}`)) return reader;
      throw new CorruptionError(path, 0, `it holds the snapshot at ${reader.metadata.index}`);
    } catch (error) {
      file.close();
      throw error;
    }
  }

  private track(
    metadata: SnapshotMetadata,
    temporary: string,
    make: (target: SnapshotTarget) => SnapshotWriter,
  ): SnapshotWriter {
    const { disk, directory, checksum } = this;
    const final = this.path(metadata, 'snap');
    // A writer that fails while it begins is released before it has a name here.
    let writer: SnapshotWriter | undefined = undefined;
    writer = make({
      disk,
      directory,
      temporary,
      final,
      checksum,
      installed: () => this.install(metadata),
      released: () => writer && this.release(writer),
    });
    this.writing.add(writer);
    return writer;
  }

  private resume(
    target: SnapshotTarget,
    header: SnapshotHeader,
    totalBytes: number,
  ): SnapshotWriter | undefined {
    if (!this.disk.exists(target.temporary)) return undefined;
    const file = this.disk.open(target.temporary);
    const found = decodeSnapshotHeader((at, length) => file.read(at, length), this.checksum);
    if (typeof found === 'string' || found.crc !== header.crc) {
      file.close();
      return undefined;
    }
    return SnapshotWriter.resume(target, file, header, totalBytes);
  }

  private install(metadata: SnapshotMetadata): void {
    const name = fileName(metadata);
    this.finished = this.finished
      .filter((other) => fileName(other) !== name)
      .concat(metadata)
      .sort((a, b) => a.index - b.index || a.term - b.term);
  }

  private release(writer: SnapshotWriter): void {
    this.writing.delete(writer);
    if (this.receiving?.writer === writer) this.receiving = undefined;
  }

  private headerOf(metadata: SnapshotMetadata): ReturnType<typeof encodeSnapshotHeader> {
    return encodeSnapshotHeader(metadata, this.chunkBytes, this.checksum);
  }

  private path(metadata: SnapshotMetadata, ending: string): string {
    return `${this.directory}/${stem(metadata)}.${ending}`;
  }

  private sizeOf(name: string): number {
    const file = this.disk.open(`${this.directory}/${name}`);
    const { size } = file;
    file.close();
    return size;
  }

  private removeWhere(wanted: (name: string) => boolean): void {
    for (const name of this.disk.list(this.directory)) {
      if (wanted(name)) this.disk.remove(`${this.directory}/${name}`);
    }
  }
}

const NAME = /^[0-9a-f]{14}-[0-9a-f]{14}\.snap$/;

function stem({ index, term }: SnapshotMetadata): string {
  const hex = (value: number): string => value.toString(16).padStart(14, '0');
  return `${hex(index)}-${hex(term)}`;
}

function fileName(metadata: SnapshotMetadata): string {
  return `${stem(metadata)}.snap`;
}

function same(a: SnapshotMetadata, b: SnapshotMetadata): boolean {
  return a.index === b.index && a.term === b.term && sameConf(a.conf, b.conf);
}
