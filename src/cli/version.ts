/** The version of this package, from the nearest package.json above the compiled files. */
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

export function packageRoot(): string {
  for (let directory = __dirname; ; directory = dirname(directory)) {
    try {
      const text = readFileSync(join(directory, 'package.json'), 'utf8');
      if ((JSON.parse(text) as { name?: string }).name === 'raft-crucible') return directory;
    } catch {
      // Not here: look one level up.
    }
    if (dirname(directory) === directory) throw new Error('package.json of raft-crucible is gone');
  }
}

export function packageVersion(): string {
  const text = readFileSync(join(packageRoot(), 'package.json'), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}
