/**
 * A disk of a member's own: an ext4 file system in a file, mounted where the data directory lies.
 *
 * It is what makes disk faults real for unmodified programs: it can be full, hang (fsfreeze), turn
 * every access into an error, and lose power. For a power failure the file system is shut down
 * without flushing its log (EXT4_IOC_SHUTDOWN), so that exactly what a sync had promised is there
 * when it is mounted again; killing a process never shows that, because the kernel keeps what was
 * written. With `lies`, an overlay that leaves out every sync lies above it: a disk with a write
 * cache that nobody flushes, on which acknowledged writes must get lost. Needs root.
 */
import { execFile } from 'node:child_process';
import { mkdir, rm, statfs, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { TargetError, type MemberDisk } from '../target';
import { waitFor } from '../wait';
import { forgetMount, rememberMount } from './processRegistry';

const run = promisify(execFile);

export interface LoopDiskOptions {
  /** Where the image and the mount points go. */
  readonly directory: string;
  /** Default 384 MiB: etcd alone lays out two logs of 64 MB. */
  readonly sizeBytes?: number;
  /** Whether syncs do nothing. Default false. */
  readonly lies?: boolean;
  /** Makes the member stand still; a member that is down stays as it is. */
  readonly hold: () => Promise<void>;
  /** Resolves when no thread of a held member is inside a call of the system any more. */
  readonly untilIdle: () => Promise<void>;
  /** Lets a held member go on. */
  readonly letGo: () => Promise<void>;
  /** Ends the member if it lives. */
  readonly kill: () => Promise<void>;
  /** Its end is no surprise any more. */
  readonly allowExit: () => void;
}

const sizeBytesDefault = 384 * 2 ** 20;
const shutdownWithoutFlush =
  'open(my $d, "<", $ARGV[0]) or die $!; my $f = pack("I", 2); ' +
  'ioctl($d, 0x8004587d, $f) or die $!';

/** Why there can be no such disks here; undefined where there can. */
export function whyNoLoopDisks(): string | undefined {
  if (process.platform !== 'linux') return `needs Linux, this is ${process.platform}`;
  if (process.getuid?.() !== 0) return 'mounting a disk needs root';
  return undefined;
}

export class LoopDisk implements MemberDisk {
  private readonly image: string;
  /** The file system itself. */
  private readonly bottom: string;
  private readonly ballast: string;
  private isBroken = false;

  private constructor(private readonly options: LoopDiskOptions) {
    const { directory } = options;
    this.image = join(directory, 'disk.img');
    this.bottom = join(directory, 'disk');
    this.ballast = join(this.bottom, 'ballast');
  }

  /** Where the member's data shall go. */
  get path(): string {
    return this.options.lies ? join(this.options.directory, 'lying') : join(this.bottom, 'top');
  }

  /**
   * Makes the file system and mounts it.
   * @throws TargetError `notCapable` where the system does not allow it.
   */
  static async create(options: LoopDiskOptions): Promise<LoopDisk> {
    const disk = new LoopDisk(options);
    try {
      await mkdir(options.directory, { recursive: true });
      await writeFile(disk.image, '');
      await truncate(disk.image, options.sizeBytes ?? sizeBytesDefault);
      await run('mkfs.ext4', ['-q', '-F', '-m', '0', disk.image]);
      await disk.mount();
      // The directories themselves must survive the first power failure.
      await run('sync', ['-f', disk.bottom]);
      return disk;
    } catch (cause) {
      await disk.remove();
      const message = `no disk can be mounted here: ${(cause as Error).message}`;
      throw new TargetError('notCapable', message, { cause });
    }
  }

  async fill(): Promise<void> {
    const { bavail, bsize } = await statfs(this.bottom);
    await run('fallocate', ['-l', String(Math.max(1, bavail * bsize)), this.ballast]).catch(
      // The last blocks may be needed for the bookkeeping of the ballast itself.
      () => run('fallocate', ['-l', String(Math.max(1, (bavail - 64) * bsize)), this.ballast]),
    );
  }

  async release(): Promise<void> {
    await rm(this.ballast, { force: true });
  }

  async freeze(): Promise<void> {
    await run('fsfreeze', ['--freeze', this.bottom]);
  }

  async thaw(): Promise<void> {
    // Not frozen is what is wanted.
    await run('fsfreeze', ['--unfreeze', this.bottom]).catch(() => undefined);
  }

  /**
   * A sync that is under way while the file system is shut down may report success for what is
   * lost (seen with Linux 6.18), which no broken disk does. So the shutdown waits for those, and
   * lets no new one begin before it.
   */
  async fail(): Promise<void> {
    this.options.allowExit();
    await this.options.hold();
    try {
      await this.options.untilIdle();
      this.isBroken = true;
      await this.shutDown();
    } finally {
      await this.options.letGo();
    }
  }

  async cutPower(): Promise<void> {
    this.options.allowExit();
    // Held first: nothing may be acknowledged between the end of the disk and the member's own.
    await this.options.hold();
    this.isBroken = true;
    await this.shutDown();
    await this.replug();
  }

  async replug(): Promise<void> {
    await this.options.kill();
    await this.thaw();
    if (!this.isBroken) return;
    await this.unmount();
    await this.mount();
    this.isBroken = false;
  }

  /** Unmounts and deletes; the member must have ended. */
  async remove(): Promise<void> {
    await this.thaw();
    await this.unmount();
    await rm(this.image, { force: true });
  }

  private async shutDown(): Promise<void> {
    await run('perl', ['-e', shutdownWithoutFlush, this.bottom]);
  }

  private async mount(): Promise<void> {
    const { lies } = this.options;
    await mkdir(this.bottom, { recursive: true });
    rememberMount(this.bottom);
    await run('mount', ['-o', 'loop', this.image, this.bottom]);
    if (!lies) {
      await mkdir(this.path, { recursive: true });
      return;
    }
    const [lower, upper, work] = ['lower', 'upper', 'work'].map((name) => join(this.bottom, name));
    // An overlay of this kind refuses a work directory that was not given up in order.
    await rm(work!, { recursive: true, force: true });
    for (const directory of [lower!, upper!, work!, this.path]) {
      await mkdir(directory, { recursive: true });
    }
    rememberMount(this.path);
    const layers = `volatile,lowerdir=${lower},upperdir=${upper},workdir=${work}`;
    await run('mount', ['-t', 'overlay', 'overlay', '-o', layers, this.path]);
  }

  private async unmount(): Promise<void> {
    const mounts = this.options.lies ? [this.path, this.bottom] : [this.bottom];
    for (const mount of mounts) {
      await waitFor(() => unmounted(mount), {
        what: `${mount} to be unmounted`,
        limitMs: 10_000,
        intervalMs: 20,
      });
      forgetMount(mount);
    }
  }
}

/** True when nothing is mounted there any more. */
async function unmounted(mount: string): Promise<true | undefined> {
  try {
    await run('umount', [mount]);
    return true;
  } catch (error) {
    // The last descriptor of a process that was killed may be closed a moment later.
    if (/not mounted|no mount point|not found/.test((error as Error).message)) return true;
    return undefined;
  }
}
