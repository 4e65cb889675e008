/**
 * A log written by random work and then damaged: cut, bits flipped, a block put elsewhere. It may
 * come back as a state it once had, not older than what a later record vouches for, or be
 * refused with the place of the damage. It never comes back as anything else.
 */
import type { Entry } from '../../../src/raft/types';
import { CorruptionError } from '../../../src/storage/errors';
import { LogStore } from '../../../src/storage/logStore';
import type { LogWork } from '../../../src/storage/logStore';
import { RECORD_HEADER_BYTES } from '../../../src/storage/record';
import { contentOf, describeLog, modelAppend } from '../../storage/logModel';
import type { ModelLog } from '../../storage/logModel';
import { seededRandom, TestDisk } from '../../storage/testDisk';
import { describeError } from './check';
import type { Finding } from './check';

const SENTENCE = 'A damaged log is refused, or comes back as it once was; it invents nothing.';
const DAMAGES = 24;
const OPTIONS = { segmentBytesMax: 600 };

type Random = (n: number) => number;

interface WrittenLog {
  readonly disk: TestDisk;
  readonly states: readonly string[];
  /** Number of the newest state that a later record vouches for. */
  readonly vouched: number;
  /** The newest segment, and where in it the record begins that vouches for that state. */
  readonly last: string;
  readonly witnessAt: number;
}

interface Damage {
  readonly bytes: Uint8Array;
  readonly what: string;
  /** Nothing behind this byte was touched. */
  readonly end: number;
}

export function checkLogDamage(seed: number): Finding | undefined {
  const random = seededRandom(seed);
  try {
    const log = writtenLog(seed, random);
    const intact = new Map(log.disk.paths().map((path) => [path, log.disk.bytesOf(path)]));
    for (let i = 0; i < DAMAGES; i++) {
      const problem = damageOnce(log, intact, random);
      if (problem !== undefined) return finding(problem);
    }
    return undefined;
  } catch (error) {
    return finding(describeError(error));
  }
}

function finding(details: string): Finding {
  return { check: 'logDamage', sentence: SENTENCE, details };
}

function writtenLog(seed: number, random: Random): WrittenLog {
  const disk = new TestDisk(seed);
  const store = LogStore.open(disk, 'log', OPTIONS);
  let model = contentOf(store);
  const states = [describeLog(model)];
  let term = 1;
  const steps = 6 + random(10);
  let last = '';
  let witnessAt = 0;
  for (let step = 0; step < steps; step++) {
    const lastIndex = model.baseIndex + model.entries.length;
    if (random(3) === 0) term++;
    const first = Math.max(model.hard.commit + 1, lastIndex + 1 - random(3));
    const work: LogWork = {
      hard: { term, vote: random(3), commit: random(2) === 0 ? model.hard.commit : first - 1 },
      entries: Array.from({ length: random(4) }, (_, i) => entry(first + i, term, 8 * random(6))),
    };
    const before = newestFile(disk);
    store.append(work);
    last = newestFile(disk).path;
    witnessAt = last === before.path ? before.size : 0;
    model = modelAppend(model, work);
    states.push(describeLog(model));
    store.sync(() => undefined);
    disk.settle();
  }
  // The last record of the last step was synced, and nothing behind it says so.
  store.close();
  disk.kill();
  return { disk, states, vouched: states.length - 2, last, witnessAt };
}

function newestFile(disk: TestDisk): { path: string; size: number } {
  const path = disk.paths().at(-1)!;
  return { path, size: disk.bytesOf(path).length };
}

function entry(index: number, term: number, length: number): Entry {
  return { index, term, type: 'normal', data: new Uint8Array(length).fill(index) };
}

function damageOnce(
  { disk, states, vouched, last, witnessAt }: WrittenLog,
  intact: ReadonlyMap<string, Uint8Array>,
  random: Random,
): string | undefined {
  const paths = [...intact.keys()];
  const path = paths[random(paths.length)]!;
  const { bytes, what, end } = damaged(intact.get(path)!, random);
  for (const [name, content] of intact) {
    if (!disk.exists(name)) disk.create(name);
    disk.replaceBytes(name, name === path ? bytes : content);
  }
  disk.kill();
  const found = reopened(disk);
  if (found === undefined) return undefined;
  const at = states.lastIndexOf(describeLog(found));
  if (at < 0) return `${path} with ${what} comes back as ${describeLog(found)}`;
  // Where the witness itself is gone, nobody can tell damage from a torn tail.
  if (at >= vouched || (path === last && end > witnessAt)) return undefined;
  return `${path} with ${what} comes back without what was synced: state ${at} of ${vouched}`;
}

function reopened(disk: TestDisk): ModelLog | undefined {
  try {
    const store = LogStore.open(disk, 'log', OPTIONS);
    const content = contentOf(store);
    store.close();
    return content;
  } catch (error) {
    if (error instanceof CorruptionError) return undefined;
    throw error;
  }
}

function damaged(bytes: Uint8Array, random: Random): Damage {
  const kind = random(4);
  const swapped = kind === 3 ? recordInPlaceOfAnother(bytes, random) : undefined;
  if (swapped !== undefined) return swapped;
  const at = random(bytes.length);
  if (kind === 0) {
    return { bytes: bytes.slice(0, at), what: `its end from byte ${at} on cut off`, end: Infinity };
  }
  const copy = bytes.slice();
  if (kind === 1) {
    copy[at]! ^= 1 << random(8);
    return { bytes: copy, what: `a bit of byte ${at} flipped`, end: at + 1 };
  }
  const to = random(bytes.length);
  const length = 32 + random(64);
  copy.copyWithin(to, at, at + length);
  return { bytes: copy, what: `a block of byte ${at} written at byte ${to}`, end: to + length };
}

/** A whole record written where another one of its size stands: what looks least like damage. */
function recordInPlaceOfAnother(bytes: Uint8Array, random: Random): Damage | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const records: { at: number; size: number }[] = [];
  for (let at = 0; at + RECORD_HEADER_BYTES <= bytes.length;) {
    const size = RECORD_HEADER_BYTES + view.getUint32(at + 4, true);
    records.push({ at, size });
    at += size;
  }
  const from = records[random(records.length)];
  const others = records.filter(({ at, size }) => at !== from?.at && size === from?.size);
  const to = others[random(Math.max(1, others.length))];
  if (from === undefined || to === undefined) return undefined;
  const copy = bytes.slice();
  copy.copyWithin(to.at, from.at, from.at + from.size);
  const what = `the record of byte ${from.at} written in place of that of byte ${to.at}`;
  return { bytes: copy, what, end: to.at + to.size };
}
