/**
 * The program of the reaper of member processes: waits until the runner has ended and then kills
 * the members it left, unmounts their disks and removes their temporary directories, as its id
 * file says (processRegistry.ts). See ../reaper.ts.
 */
import { runnerHasEnded } from '../reaper';
import { waitFor } from '../wait';
import { sweepRunner } from './processRegistry';

const limitMs = 30_000;

async function main(): Promise<void> {
  const runnerPid = Number(process.argv[2]);
  if (!Number.isInteger(runnerPid)) throw new Error('usage: processReaperMain RUNNER-PID');
  if (!(await runnerHasEnded())) return;
  // The pipe can close a moment before the runner itself is gone; its own exit handler goes first.
  await waitFor(() => sweepRunner(runnerPid)?.isClear || undefined, {
    ...{ what: `what runner ${runnerPid} left to be gone`, limitMs, intervalMs: 200 },
  });
}

void main().catch(() => {
  process.exitCode = 1;
});
