/** A limit for calls that have none of their own: an engine that hangs shall not hang the run. */
import { WaitTimeout } from '../wait';

/** Rejects with WaitTimeout when `work` takes longer; the work itself is not stopped. */
export async function within<T>(limitMs: number, what: string, work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new WaitTimeout(what, limitMs)), limitMs);
  });
  try {
    return await Promise.race([work, timeout]);
  } finally {
    clearTimeout(timer);
  }
}
