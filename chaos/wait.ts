/**
 * Waiting with a limit. Everything in chaos that waits for a real process goes through here, so
 * that no wait is endless, each can be aborted, and each error names what was waited for.
 */

/** Resolves after `delayMs`, or early (without an error) when the signal aborts. */
export function pause(delayMs: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted) {
      resolve();
      return;
    }
    const done = (): void => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, delayMs);
    signal?.addEventListener('abort', done, { once: true });
  });
}

/**
 * Aborts some time after the given signal does: for what should still be tried after an
 * interruption, but not for as long as it might take.
 */
export function soonAfter(signal: AbortSignal | undefined, graceMs: number): AbortSignal {
  const later = new AbortController();
  const begin = (): void => {
    const end = (): void => later.abort(signal!.reason);
    setTimeout(end, graceMs).unref();
  };
  if (signal?.aborted) begin();
  else signal?.addEventListener('abort', begin, { once: true });
  return later.signal;
}

export interface WaitOptions {
  /** What is waited for, as the end of "waited 10000 ms for ...". */
  readonly what: string;
  readonly limitMs: number;
  /** Time between two attempts. Default 25 ms: short against an election of 1 s. */
  readonly intervalMs?: number;
  readonly signal?: AbortSignal | undefined;
  /** Which errors of an attempt end the wait at once. Default none. */
  readonly isFinal?: (error: unknown) => boolean;
}

/** The condition did not come true within the limit. */
export class WaitTimeout extends Error {
  constructor(
    readonly what: string,
    readonly limitMs: number,
    options?: ErrorOptions,
  ) {
    super(`waited ${limitMs} ms for ${what}`, options);
    this.name = 'WaitTimeout';
  }
}

/**
 * Asks again and again until the answer is not undefined. An attempt that throws counts as "not
 * yet"; the last such error becomes the cause of the timeout.
 */
export async function waitFor<T>(
  attempt: () => Promise<T | undefined> | T | undefined,
  options: WaitOptions,
): Promise<T> {
  const deadline = performance.now() + options.limitMs;
  let lastError: unknown;
  for (;;) {
    options.signal?.throwIfAborted();
    try {
      const answer = await attempt();
      if (answer !== undefined) return answer;
    } catch (error) {
      if (options.isFinal?.(error)) throw error;
      lastError = error;
    }
    if (performance.now() >= deadline) {
      throw new WaitTimeout(options.what, options.limitMs, { cause: lastError });
    }
    await pause(options.intervalMs ?? 25, options.signal);
  }
}
