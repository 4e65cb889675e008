/**
 * The engine is a native module with a binary for each platform; where there is none, whoever
 * wants it hears so in one sentence instead of a stack.
 */

import type * as Engine from 'lmdb';

export type Lmdb = Pick<typeof Engine, 'open'>;

/* eslint-disable @typescript-eslint/no-require-imports -- loaded when it is wanted, not before */
/** The engine, or why it can't be had here. */
export async function loadLmdb(
  // Not import(): that cannot be carried out where code runs in a context of its own (in Jest).
  load: () => Promise<Lmdb> = () => Promise.resolve(require('lmdb') as Lmdb),
): Promise<Lmdb | { readonly missing: string }> {
  try {
    return await load();
  } catch (error) {
    const reason = (error as Error).message.split('\n')[0];
    const platform = `${process.platform}-${process.arch}`;
    return { missing: `lmdb has no binary that loads on ${platform}: ${reason}` };
  }
}
