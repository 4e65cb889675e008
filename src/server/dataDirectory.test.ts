/** Whose a data directory is, and that two processes never share one. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openDataDirectory, RemovedMemberError } from './dataDirectory';

const config = { name: 'n1', token: 'token' };
const identity = { ...config, clusterId: 1, memberId: 2, joined: false, removed: false };

let directory: string;
beforeEach(() => (directory = mkdtempSync(join(tmpdir(), 'crucible-data-'))));
afterEach(() => rmSync(directory, { recursive: true, force: true }));

describe('a data directory', () => {
  it('opens again for the same member, and knows it', () => {
    const first = openDataDirectory(directory, config);
    expect(first.identity).toBeUndefined();
    first.writeIdentity(identity);
    first.release();
    const second = openDataDirectory(directory, config);
    expect(second.identity).toMatchObject(identity);
    second.release();
  });

  it('refuses another member, and another cluster, with both values', () => {
    const first = openDataDirectory(directory, config);
    first.writeIdentity(identity);
    first.release();
    expect(() => openDataDirectory(directory, { ...config, name: 'n2' })).toThrow(
      'its name is n1, this configuration gives n2',
    );
    expect(() => openDataDirectory(directory, { ...config, token: 'another' })).toThrow(
      'its token is token, this configuration gives another',
    );
  });

  it('stays closed to a member that was removed', () => {
    const first = openDataDirectory(directory, config);
    first.writeIdentity({ ...identity, removed: true });
    first.release();
    const open = () => openDataDirectory(directory, config);
    expect(open).toThrow(RemovedMemberError);
    expect(open).toThrow(`delete its data directory (${directory})`);
  });

  it('refuses a second process while the first lives', () => {
    openDataDirectory(directory, config);
    const lock = join(directory, 'member', 'lock');
    // The parent of the test process is certainly alive, and is not this process.
    const stat = readFileSync(`/proc/${process.ppid}/stat`, 'utf8');
    const started = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
    writeFileSync(lock, `${process.ppid} ${started}`);
    expect(() => openDataDirectory(directory, config)).toThrow(`in use by process ${process.ppid}`);
  });

  it('takes over the lock of a process that is gone, also when its pid lives again', () => {
    openDataDirectory(directory, config);
    writeFileSync(join(directory, 'member', 'lock'), `${process.ppid} 1`);
    expect(() => openDataDirectory(directory, config).release()).not.toThrow();
  });

  it('says what is wrong with a directory that cannot be made', () => {
    const file = join(directory, 'file');
    writeFileSync(file, '');
    expect(() => openDataDirectory(file, config)).toThrow(`--data-dir ${file}: ENOTDIR`);
  });

  it('keeps the lock free after a refusal', () => {
    openDataDirectory(directory, config).release();
    writeFileSync(join(directory, 'member', 'identity.json'), '{');
    expect(() => openDataDirectory(directory, config)).toThrow('is damaged');
    expect(() => readFileSync(join(directory, 'member', 'lock'))).toThrow('ENOENT');
  });
});
