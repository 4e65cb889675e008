/**
 * A history as the page reads it: columns of numbers and a table of texts.
 *
 * 100 000 operations as JSON objects would be tens of megabytes and slow to parse. Here each
 * field is one typed array in the order of the calls, all arrays one after the other, little
 * endian, compressed, in base64. The page (`page/data.js`) reads exactly this layout:
 *
 *   start     u32[n]  microseconds since the previous operation's call (first: since zero)
 *   duration  u32[n]  microseconds, 0xffffffff when it never returned
 *   id        u32[n]
 *   process   u32[n]
 *   member    u16[n]  index into `members`
 *   lane      u16[n]  the row in the timeline
 *   function  u8[n]   index into `functions`
 *   outcome   u8[n]   0 ok, 1 fail, 2 info
 *
 * Widest columns first, so that every array begins at a multiple of its element size.
 * Texts are lines, two per operation (asked, answered), compressed as well.
 */
import { deflateSync } from 'node:zlib';

import type { Operation, Outcome } from '../src/history';
import { describeCompletion, describeInvocation } from './describe';

export interface Columns {
  readonly count: number;
  readonly laneCount: number;
  readonly functions: readonly string[];
  readonly members: readonly string[];
  /** Deflated (zlib) typed arrays in base64. */
  readonly numbers: string;
  /** Deflated (zlib) UTF-8 lines in base64. */
  readonly texts: string;
}

const outcomes: Readonly<Record<Outcome, number>> = { ok: 0, fail: 1, info: 2 };
const u32Max = 0xffff_ffff;
const u16Max = 0xffff;

/** Numbers for strings in the order of their first appearance. */
class Interner {
  readonly names: string[] = [];
  private readonly numbers = new Map<string, number>();

  number(name: string): number {
    const known = this.numbers.get(name);
    if (known !== undefined) return known;
    const number = this.names.length;
    this.names.push(name);
    this.numbers.set(name, number);
    return number;
  }
}

/**
 * A row for each operation. A client whose operation stayed unknown goes on under a new process
 * number, so processes are packed: one whose first call lies behind the last call of another
 * takes over its row. Thus there are as many rows as clients, not as processes.
 */
export function lanesOf(operations: readonly Operation[]): readonly number[] {
  const lastCall = new Map<number, number>();
  operations.forEach(({ process }, i) => lastCall.set(process, i));
  const laneOfProcess = new Map<number, number>();
  const free: number[] = [];
  let laneCount = 0;
  return operations.map(({ process, outcome }, i) => {
    let lane = laneOfProcess.get(process);
    if (lane === undefined) {
      lane = free.length > 0 ? free.shift()! : laneCount++;
      laneOfProcess.set(process, lane);
    }
    // Only a process that ended in the unknown makes room: others are idle, not gone.
    if (lastCall.get(process) === i && outcome === 'info') free.push(lane);
    return lane;
  });
}

export function encodeColumns(operations: readonly Operation[]): Columns {
  const n = operations.length;
  const lanes = lanesOf(operations);
  const functions = new Interner();
  const members = new Interner();
  const wide = new Uint32Array(4 * n);
  const middle = new Uint16Array(2 * n);
  const narrow = new Uint8Array(2 * n);
  const texts: string[] = [];
  let previousUs = 0;
  operations.forEach((operation, i) => {
    const startUs = Math.max(previousUs, Math.round(operation.call / 1_000));
    const durationUs = Math.round((operation.return - operation.call) / 1_000);
    wide[i] = startUs - previousUs;
    wide[n + i] = Math.min(durationUs, u32Max);
    wide[2 * n + i] = operation.id;
    wide[3 * n + i] = operation.process;
    middle[i] = Math.min(members.number(operation.member ?? ''), u16Max);
    middle[n + i] = Math.min(lanes[i]!, u16Max);
    narrow[i] = functions.number(operation.f);
    narrow[n + i] = outcomes[operation.outcome];
    texts.push(oneLine(describeInvocation(operation)), oneLine(describeCompletion(operation)));
    previousUs = startUs;
  });
  const parts = [wide, middle, narrow].map(
    ({ buffer, byteOffset, byteLength }) => new Uint8Array(buffer, byteOffset, byteLength),
  );
  return {
    count: n,
    laneCount: lanes.reduce((most, lane) => Math.max(most, lane + 1), 0),
    functions: functions.names,
    members: members.names,
    numbers: deflateSync(Buffer.concat(parts)).toString('base64'),
    texts: deflateSync(Buffer.from(texts.join('\n'))).toString('base64'),
  };
}

function oneLine(text: string): string {
  return text.replaceAll(/[\r\n]+/g, ' ');
}
