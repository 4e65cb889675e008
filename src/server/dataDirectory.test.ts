/** Whose a data directory is, and that two processes never share one. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseCluster } from './clusterConfig';
import { openDataDirectory } from './dataDirectory';

const LIST = 'n1=http://127.0.0.1:1,n2=http://127.0.0.1:2';
const config = parseCluster('n1', LIST, 'token');

let directory: string;
beforeEach(() => (directory = mkdtempSync(join(tmpdir(), 'crucible-data-'))));
afterEach(() => rmSync(directory, { recursive: true, force: true }));

describe('a data directory', () => {
  it('opens again for the same member', () => {
    openDataDirectory(directory, config).release();
    expect(() => openDataDirectory(directory, config).release()).not.toThrow();
  });

  it('refuses another member, and another cluster, with both values', () => {
    openDataDirectory(directory, config).release();
    const other = parseCluster('n2', LIST, 'token');
    expect(() => openDataDirectory(directory, other)).toThrow(
      `its memberId is ${config.self.id}, this configuration gives ${other.self.id}`,
    );
    const elsewhere = parseCluster('n1', LIST, 'another');
    expect(() => openDataDirectory(directory, elsewhere)).toThrow('its clusterId is');
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
