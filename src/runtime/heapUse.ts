/** What the heap of this process holds and may hold, as the checker's budget asks for it. */
import { getHeapStatistics } from 'node:v8';

/**
 * V8's limit counts the young generation too, three halves of 16 MiB unless a flag says more, but
 * a process dies when the old generation is full.
 */
const youngBytes = 48 * 1024 * 1024;

export function heapUse(): { readonly usedBytes: number; readonly limitBytes: number } {
  const { used_heap_size: usedBytes, heap_size_limit: limit } = getHeapStatistics();
  return { usedBytes, limitBytes: Math.max(limit - youngBytes, limit / 2) };
}
