/**
 * A wall clock that can be moved while a program runs: libfaketime, loaded into it. Programs that
 * ask the kernel by themselves (those written in Go do) never notice; timers go on as they are.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const roots = ['/usr/lib', '/usr/local/lib', '/usr/lib64'];

let known: { readonly library: string | undefined } | undefined;

/** The library, where it is installed. */
export function fakeClockLibrary(): string | undefined {
  known ??= { library: find() };
  return known.library;
}

function find(): string | undefined {
  for (const root of roots) {
    if (!existsSync(root)) continue;
    for (const below of ['', ...readdirSync(root)]) {
      const library = join(root, below, 'faketime', 'libfaketime.so.1');
      if (existsSync(library)) return library;
    }
  }
  return undefined;
}

/** What the linker of Go puts into every program. */
const goMark = Buffer.from('\xff Go buildinf:', 'latin1');
const goPrograms = new Map<string, boolean>();

function isGoProgram(path: string): boolean {
  const known = goPrograms.get(path);
  if (known !== undefined) return known;
  const isGo = readFileSync(path).includes(goMark);
  goPrograms.set(path, isGo);
  return isGo;
}

/** Why the clock of a program cannot be moved; undefined where it can. */
export function whyNoFakeClock(program: string): string | undefined {
  if (fakeClockLibrary() === undefined) return 'libfaketime is not installed';
  if (!isGoProgram(program)) return undefined;
  return 'a program in Go asks the kernel for the time itself, past libfaketime';
}

/** What a program must be started with so that a file moves its clock. */
export function clockEnvironment(file: string): Readonly<Record<string, string>> {
  const library = fakeClockLibrary();
  if (library === undefined) return {};
  return {
    LD_PRELOAD: library,
    FAKETIME_TIMESTAMP_FILE: file,
    // The file is read at each question, else a change would only show after a while.
    FAKETIME_NO_CACHE: '1',
    FAKETIME_DONT_FAKE_MONOTONIC: '1',
    DONT_FAKE_MONOTONIC: '1',
  };
}
