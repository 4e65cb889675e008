/**
 * The disk of a member's own under a program that appends, syncs, and only then says so: whatever
 * happens to the disk, what the program was told is on it must be there afterwards. Else a fault
 * would break promises that the store kept.
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { waitFor } from '../wait';
import { LoopDisk, whyNoLoopDisks } from './loopDisk';
import { MemberProcess } from './memberProcess';

/** Without the waiting that `fail` does, one round in six loses a line. */
const rounds = 12;

/** Appends lines to a file and prints the number of each when it is synced. */
const writer = `
  const { openSync, fdatasyncSync, fsyncSync, writeSync } = require('node:fs');
  const log = openSync(process.argv[1], 'a');
  fsyncSync(log);
  for (let line = 1; ; line += 1) {
    writeSync(log, 'line ' + line + ' '.repeat(90) + '\\n');
    fdatasyncSync(log);
    writeSync(1, line + '\\n');
  }`;

const reason = whyNoLoopDisks();
if (reason !== undefined) process.stderr.write(`skipped: ${reason} (a disk of its own)\n`);

describe('a disk of its own', () => {
  if (reason !== undefined) {
    it.todo(`skipped: ${reason}`);
    return;
  }
  let directory: string;
  let disk: LoopDisk;
  let unit: MemberProcess;

  beforeAll(async () => {
    directory = mkdtempSync(join(tmpdir(), 'crucible-disk-test-'));
    disk = await LoopDisk.create({
      directory,
      sizeBytes: 64 * 2 ** 20,
      hold: async () => {
        if (unit.state === 'running') await unit.pause();
      },
      untilIdle: () => unit.untilIdle(),
      letGo: async () => {
        if (unit.state === 'paused') await unit.resume();
      },
      kill: async () => {
        if (unit.state !== 'down') await unit.kill();
      },
      allowExit: () => unit.allowExit(),
    });
  });

  afterAll(async () => {
    if (unit.state !== 'down') await unit.kill();
    await disk.remove();
    rmSync(directory, { recursive: true });
  });

  /** Lets the writer work on a new file, does that to the disk, and counts what was lost. */
  async function lostBy(round: string, hurt: () => Promise<void>): Promise<readonly string[]> {
    const [file, logFile] = [join(disk.path, round), join(directory, `${round}.log`)];
    const options = { name: 'writer', command: process.execPath, argv: ['-e', writer, file] };
    unit = new MemberProcess({ ...options, environment: {}, marker: file, logFile });
    await unit.start();
    const told = () =>
      readFileSync(logFile, 'utf8')
        .split('\n')
        .filter((line) => /^\d+$/.test(line));
    await waitFor(() => (told().length > 20 ? true : undefined), {
      what: 'some lines to be synced',
      limitMs: 10_000,
      intervalMs: 5,
    });
    await hurt();
    await waitFor(() => (unit.state === 'down' ? true : undefined), {
      what: 'the writer to end',
      limitMs: 10_000,
      intervalMs: 5,
    });
    await disk.replug();
    const kept = readFileSync(file, 'utf8');
    return told().filter((line) => !kept.includes(`line ${line} `));
  }

  it('that fails has kept what it said it had', async () => {
    for (let round = 0; round < rounds; round += 1) {
      expect(await lostBy(`fails${round}`, () => disk.fail())).toEqual([]);
    }
  });

  it('that loses power has kept what it said it had', async () => {
    for (let round = 0; round < rounds / 3; round += 1) {
      expect(await lostBy(`power${round}`, () => disk.cutPower())).toEqual([]);
    }
  });
});
