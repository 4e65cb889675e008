/** A simulated disk on the clock that a test turns by hand. */
import { SimDisk } from '../../simulator/simDisk';
import type { TestRuntime } from './testRuntime';

export function testDisk(runtime: TestRuntime): SimDisk {
  return new SimDisk({
    schedule: (delayMs, run) => void runtime.after(delayMs, run),
    random: (n) => runtime.random(n),
  });
}
