/**
 * The engine is a native module with a binary for each platform; where there is none, whoever
 * wants it hears so in one sentence instead of a stack.
 */

import type * as Engine from 'lmdb';

export type Lmdb = Pick<typeof Engine, 'open'>;

/** The engine, or why it can't be had here. */
export async function loadLmdb(
  load: () => Promise<Lmdb> = () => import('lmdb'),
): Promise<Lmdb | { readonly missing: string }> {
  try {
    return await load();
  } catch (error) {
    const reason = (error as Error).message.split('\n')[0];
    const platform = `${process.platform}-${process.arch}`;
    return { missing: `lmdb has no binary that loads on ${platform}: ${reason}` };
  }
}
