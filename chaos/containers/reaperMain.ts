/**
 * The reaper's own program: waits until its standard input ends and then, unless it was dismissed,
 * removes the cluster given as its argument, and its temporary directory. See ../reaper.ts.
 *
 * One pass is not enough: a request that the runner had just sent when it died may still create a
 * container afterwards.
 */
import { rm } from 'node:fs/promises';

import { runnerHasEnded } from '../reaper';
import { pause } from '../wait';
import { connectContainerRuntime } from './runtime';
import { removeCluster } from './sweep';

const betweenPassesMs = 1_000;
/** Passes in a row that must find nothing. */
const emptyPassesWanted = 3;
const passesMax = 30;

async function main(): Promise<void> {
  const [cluster, directory] = process.argv.slice(2);
  if (cluster === undefined) throw new Error('usage: reaperMain CLUSTER [DIRECTORY]');
  if (!(await runnerHasEnded())) return;
  if (directory !== undefined) await rm(directory, { recursive: true, force: true });
  const { engine } = await connectContainerRuntime();
  let empty = 0;
  for (let pass = 1; pass <= passesMax && empty < emptyPassesWanted; pass += 1) {
    empty = (await removeCluster(engine, cluster)) === 0 ? empty + 1 : 0;
    await pause(betweenPassesMs);
  }
}

void main().catch(() => {
  process.exitCode = 1;
});
