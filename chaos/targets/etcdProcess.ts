/** etcd as child processes: the binary on PATH, or a given one. */
import { accessSync, constants, statSync } from 'node:fs';
import { delimiter, isAbsolute, join, resolve } from 'node:path';

import { TargetError } from '../target';
import { ProcessCluster, type ProcessClusterOptions } from './processCluster';

export interface EtcdProcessOptions extends Omit<
  ProcessClusterOptions,
  'target' | 'command' | 'argvPrefix'
> {
  /** Path of the binary. Default: `etcd` on PATH. */
  readonly binary?: string;
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}

/** The full path of a program on PATH, or undefined. */
export function findOnPath(program: string): string | undefined {
  if (program.includes('/')) {
    const path = isAbsolute(program) ? program : resolve(program);
    return isExecutable(path) ? path : undefined;
  }
  const directories = (process.env['PATH'] ?? '').split(delimiter).filter(Boolean);
  return directories.map((directory) => join(directory, program)).find(isExecutable);
}

/**
 * A cluster of real etcd.
 * @throws TargetError `notFound` when there is no such binary.
 */
export function etcdProcess(options: EtcdProcessOptions = {}): ProcessCluster {
  const { binary = 'etcd', ...rest } = options;
  const command = findOnPath(binary);
  if (command === undefined) {
    throw new TargetError(
      'notFound',
      binary.includes('/')
        ? `there is no executable file ${binary}`
        : `there is no ${binary} on PATH: install etcd or give the path of its binary`,
    );
  }
  return new ProcessCluster({ ...rest, target: 'etcd', command });
}
