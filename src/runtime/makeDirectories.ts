/**
 * Makes a directory and its parents, one at a time. Node's own recursive mkdir never returns
 * where the file system lets nothing be created and says ENOENT (/proc), and a path that a user
 * mistyped must end in an error.
 */
import { mkdirSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';

/** Answers the topmost directory that was made, undefined when all were there. */
export function makeDirectories(path: string, mode = 0o777): string | undefined {
  const missing: string[] = [];
  for (let at = resolve(path); !exists(at); at = dirname(at)) missing.push(at);
  for (const directory of [...missing].reverse()) {
    try {
      mkdirSync(directory, { mode });
    } catch (error) {
      // Somebody else made it meanwhile, which is as good.
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
  }
  // Also names a file in the way, which exists and is no directory.
  if (!statSync(path).isDirectory()) {
    throw Object.assign(new Error(`ENOTDIR: not a directory, mkdir '${path}'`), {
      code: 'ENOTDIR',
      path,
    });
  }
  return missing.at(-1);
}

function exists(path: string): boolean {
  try {
    statSync(path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
    throw error;
  }
}
