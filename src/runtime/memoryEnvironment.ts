/**
 * What a member needs in its environment to give memory back: settings of glibc's allocator, which
 * are read when a process starts. Other allocators pass over them.
 *
 * By itself glibc raises the size from which on a block is mapped on its own, and so goes back when
 * it is freed, to that of the largest block that was freed. Buffers of requests then come from a
 * heap that shrinks only at its end, where sooner or later something small stays.
 */
export const MEMORY_ENVIRONMENT: Readonly<Record<string, string>> = {
  /** Below the 64 KiB in which Node reads from a connection. */
  MALLOC_MMAP_THRESHOLD_: '32768',
  MALLOC_TRIM_THRESHOLD_: '65536',
};
