/** The reference store of this package as child processes: `crucible serve` with etcd's flags. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';

import { MEMORY_ENVIRONMENT } from '../../src/runtime/memoryEnvironment';
import { packageDirectory } from '../../reports/packageDirectory';
import { TargetError } from '../target';
import { ProcessCluster, type ProcessClusterOptions } from './processCluster';

export interface ReferenceProcessOptions extends Omit<
  ProcessClusterOptions,
  'target' | 'command' | 'argvPrefix'
> {
  /** The compiled command line. Default: the one of this package. */
  readonly script?: string;
  /** Flags for Node itself, e.g. `--max-old-space-size=64`. Default none. */
  readonly nodeArgv?: readonly string[];
}

/**
 * A cluster of the reference.
 * @throws TargetError `notFound` when the package has not been built.
 */
export function referenceProcess(options: ReferenceProcessOptions = {}): ProcessCluster {
  const { script = defaultScript(), nodeArgv = [], environment, ...rest } = options;
  if (!existsSync(script)) {
    throw new TargetError('notFound', `${script} is missing: run "npm run build" first`);
  }
  const argvPrefix = [...nodeArgv, script, 'serve'];
  return new ProcessCluster({
    ...rest,
    environment: { ...MEMORY_ENVIRONMENT, ...environment },
    target: 'reference',
    command: process.execPath,
    argvPrefix,
  });
}

function defaultScript(): string {
  return join(packageDirectory(), 'dist', 'src', 'cli', 'main.js');
}
