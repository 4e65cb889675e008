/**
 * A full collection of garbage, now. V8 itself collects when something is allocated, so a process
 * that has nothing to do keeps what its last load left: the buffers of requests above all.
 *
 * The function is hidden behind a flag. Flags can be set while the process runs, and count for
 * contexts that are made afterwards: no flag on the command line is needed.
 */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

let collect: (() => void) | undefined;

export function collectGarbage(): void {
  if (collect === undefined) {
    setFlagsFromString('--expose-gc');
    collect = runInNewContext('gc') as () => void;
    setFlagsFromString('--no-expose-gc');
  }
  collect();
}
