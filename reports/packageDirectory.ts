/**
 * Where this package is installed. The compiled files lie one level deeper (in `dist`) than the
 * sources that tests run, so the way to the package's own files is searched, not counted.
 */
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** The directory with the package.json above this file. */
export function packageDirectory(): string {
  for (let directory = __dirname; ; directory = dirname(directory)) {
    if (existsSync(join(directory, 'package.json'))) return directory;
    if (directory === dirname(directory)) {
      throw new Error(`there is no package.json above ${__dirname}`);
    }
  }
}
