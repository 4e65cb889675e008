/**
 * The directories of a simulated disk. Names come and go at once for whoever looks, but a name
 * that was created, renamed or removed is durable only after its directory was synced: a power
 * failure takes back a random tail of each directory's unsynced changes, in order, as a
 * journalling file system does. Directories themselves are durable when they are created.
 */
import { DiskError } from '../storage/disk';
import { SimInode } from './simDiskInode';

/** The names a change touched, with what each stood for before. */
type NameChange = readonly (readonly [name: string, before: SimInode | undefined])[];

class SimDirectory {
  readonly files = new Map<string, SimInode>();
  private changes: NameChange[] = [];
  private durableChanges = 0;

  get changeCount(): number {
    return this.durableChanges + this.changes.length;
  }

  change(names: Readonly<Record<string, SimInode | undefined>>): void {
    const touched = Object.keys(names);
    this.changes.push(touched.map((name) => [name, this.files.get(name)]));
    for (const name of touched) this.set(name, names[name]);
  }

  makeDurable(upTo: number): void {
    if (upTo <= this.durableChanges) return;
    this.changes.splice(0, upTo - this.durableChanges);
    this.durableChanges = upTo;
  }

  losePower(random: (n: number) => number): void {
    const kept = random(this.changes.length + 1);
    for (let i = this.changes.length - 1; i >= kept; i--) {
      for (const [name, before] of this.changes[i]!) this.set(name, before);
    }
    this.durableChanges += this.changes.length;
    this.changes = [];
  }

  private set(name: string, inode: SimInode | undefined): void {
    if (inode === undefined) this.files.delete(name);
    else this.files.set(name, inode);
  }
}

export class SimDirectories {
  private readonly directories = new Map<string, SimDirectory>([['', new SimDirectory()]]);

  list(path: string): readonly string[] {
    const prefix = normal(path) === '' ? '' : `${normal(path)}/`;
    const names = [...this.directory(path).files.keys()];
    for (const name of this.directories.keys()) {
      const rest = name.slice(prefix.length);
      if (name.startsWith(prefix) && rest !== '' && !rest.includes('/')) names.push(rest);
    }
    return names.sort();
  }

  exists(path: string): boolean {
    const [directory, name] = split(path);
    const there = this.directories.get(directory)?.files.has(name) ?? false;
    return there || this.directories.has(normal(path));
  }

  createDirectory(path: string): void {
    const parts = normal(path).split('/');
    for (let i = 1; i <= parts.length; i++) {
      const at = parts.slice(0, i).join('/');
      if (!this.directories.has(at)) this.directories.set(at, new SimDirectory());
    }
  }

  file(path: string): SimInode {
    const inode = this.find(path);
    if (inode === undefined) throw missing(path);
    return inode;
  }

  find(path: string): SimInode | undefined {
    const [directory, name] = split(path);
    return this.directories.get(directory)?.files.get(name);
  }

  create(path: string): SimInode {
    const [directory, name] = split(path);
    const { files } = this.directory(directory);
    const old = files.get(name);
    if (old !== undefined) {
      old.truncate(0);
      return old;
    }
    const inode = new SimInode();
    this.directory(directory).change({ [name]: inode });
    return inode;
  }

  rename(from: string, to: string): void {
    const inode = this.file(from);
    const [directory, oldName] = split(from);
    const [target, newName] = split(to);
    if (directory !== target) {
      throw new DiskError('EXDEV', from, `${from} cannot be renamed to another directory, ${to}`);
    }
    this.directory(directory).change({ [oldName]: undefined, [newName]: inode });
  }

  remove(path: string): void {
    this.file(path);
    const [directory, name] = split(path);
    this.directory(directory).change({ [name]: undefined });
  }

  changeCount(path: string): number {
    return this.directory(path).changeCount;
  }

  makeDurable(path: string, upTo: number): void {
    this.directory(path).makeDurable(upTo);
  }

  /** Paths of all files, sorted. */
  paths(): readonly string[] {
    const paths: string[] = [];
    for (const [directory, { files }] of this.directories) {
      for (const name of files.keys()) paths.push(directory === '' ? name : `${directory}/${name}`);
    }
    return paths.sort();
  }

  usedBytes(): number {
    let bytes = 0;
    for (const { files } of this.directories.values()) {
      for (const inode of files.values()) bytes += inode.size;
    }
    return bytes;
  }

  losePower(random: (n: number) => number): void {
    for (const path of [...this.directories.keys()].sort()) {
      this.directories.get(path)!.losePower(random);
    }
  }

  private directory(path: string): SimDirectory {
    const directory = this.directories.get(normal(path));
    if (directory === undefined) throw missing(path);
    return directory;
  }
}

/** An empty part, or one that stands for the directory it is in. */
const REDUNDANT_PART = /(?:^|\/)\.?(?:\/|$)/;

function normal(path: string): string {
  // Nearly all are: nobody should pay for the few that are not.
  if (!REDUNDANT_PART.test(path)) return path;
  return path
    .split('/')
    .filter((part) => part !== '' && part !== '.')
    .join('/');
}

function split(path: string): readonly [directory: string, name: string] {
  const whole = normal(path);
  const at = whole.lastIndexOf('/');
  return at < 0 ? ['', whole] : [whole.slice(0, at), whole.slice(at + 1)];
}

function missing(path: string): DiskError {
  return new DiskError('ENOENT', path, `ENOENT: ${path} is not there`);
}
