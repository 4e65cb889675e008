/**
 * How much garbage may come together in a process whose memory is buffers rather than objects.
 *
 * V8 counts buffers, which lie outside of its heap, towards the growth that starts a full
 * collection, and measures that growth by the heap. A member's heap is a dozen megabytes: a few
 * values of 1 MiB, and everything was collected again, ten times a second under load, in a fifth
 * of the processor time. Here the growth is measured in bytes.
 *
 * Invariant: a heap of `allowanceBytes` or more is collected as V8 thinks best, and a smaller one
 * grows by no more than that, or by V8's own least step. The heap's size is looked at between
 * collections, so a heap that has grown a lot since may be measured once by its former size:
 * the largest factor bounds what that can come to.
 */
import { getHeapStatistics, setFlagsFromString } from 'node:v8';

const LOOK_EVERY_MS = 250;
/** Four times the heap as V8's own largest factor, and the heap itself. */
const PERCENT_MAX = 400;

/** What V8 is told: by how many percent of itself a heap may grow; 0 leaves it to V8. */
export function growthPercent(heapBytes: number, allowanceBytes: number): number {
  if (heapBytes >= allowanceBytes) return 0;
  return Math.min(PERCENT_MAX, Math.floor((100 * allowanceBytes) / heapBytes));
}

/** For the whole process. Ends when the returned function is called; keeps nothing running. */
export function paceCollector(allowanceBytes: number): () => void {
  let told = 0;
  const tell = (percent: number): void => {
    if (percent === told) return;
    told = percent;
    setFlagsFromString(`--heap-growing-percent=${percent}`);
  };
  const look = (): void => tell(growthPercent(getHeapStatistics().used_heap_size, allowanceBytes));
  look();
  const timer = setInterval(look, LOOK_EVERY_MS);
  timer.unref();
  return () => {
    clearInterval(timer);
    tell(0);
  };
}
