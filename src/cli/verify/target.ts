/** What `--target` and `--runtime` name, turned into a choice of target. */
import { readFileSync } from 'node:fs';
import type { Command } from 'commander';
import type { Runtime, TargetChoice } from '../../../chaos';
import { UsageError } from '../usageError';

export type { Runtime };
export type TargetOption = TargetChoice;

export const TARGET_HELP =
  'reference (embedded), etcd (from PATH), etcd:/path/to/binary, image:REF or endpoints:URL,URL';

/** Options for a store that does not let everybody in; the names are etcdctl's. */
export interface AccessOptions {
  readonly cacert?: string;
  readonly cert?: string;
  readonly key?: string;
  readonly user?: string;
}

export function addAccessOptions(command: Command): Command {
  return command
    .option('--cacert <file>', 'endpoints: CA to trust, PEM')
    .option('--cert <file>', 'endpoints: certificate to show, PEM')
    .option('--key <file>', 'endpoints: its private key, PEM')
    .option('--user <name:password>', 'endpoints: who to be');
}

/** The target with what lets clients in. Throws UsageError for what does not fit it. */
export function withAccess(target: TargetOption, options: AccessOptions): TargetOption {
  const { cacert, cert, key, user } = options;
  if ([cacert, cert, key, user].every((one) => one === undefined)) return target;
  if (target.kind !== 'endpoints') {
    throw new UsageError('--cacert, --cert, --key and --user are for endpoints:URL,URL only');
  }
  if ((cert === undefined) !== (key === undefined)) {
    throw new UsageError('--cert and --key go together');
  }
  const tls = {
    ...(cacert === undefined ? {} : { rootCerts: fileOf('--cacert', cacert) }),
    ...(cert === undefined ? {} : { certChain: fileOf('--cert', cert) }),
    ...(key === undefined ? {} : { privateKey: fileOf('--key', key) }),
  };
  const hasTls = Object.keys(tls).length > 0;
  return {
    ...target,
    ...(hasTls ? { tls } : {}),
    ...(user === undefined ? {} : { user: userOf(user) }),
  };
}

function fileOf(option: string, path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (error) {
    throw new UsageError(`${option}: ${(error as Error).message}`);
  }
}

function userOf(text: string): { readonly name: string; readonly password: string } {
  const colon = text.indexOf(':');
  if (colon <= 0) throw new UsageError('--user is name:password');
  return { name: text.slice(0, colon), password: text.slice(colon + 1) };
}

export function parseTarget(text: string, runtime: Runtime = 'process'): TargetOption {
  const colon = text.indexOf(':');
  const kind = colon < 0 ? text : text.slice(0, colon);
  const rest = colon < 0 ? '' : text.slice(colon + 1);
  if (kind === 'reference' && colon < 0) return { kind, runtime };
  if (kind === 'etcd' && colon < 0) return { kind, runtime };
  if (kind === 'etcd' && rest !== '') {
    if (runtime === 'process') return { kind, runtime, binary: rest };
    throw new UsageError(`--target "${text}" is a binary; containers run an image (image:REF)`);
  }
  if (kind === 'image' && rest !== '') return { kind, image: rest };
  if (kind === 'endpoints') {
    const urls = rest.split(',').filter((url) => url !== '');
    const bad = urls.find((url) => !/^(?:https?:\/\/)?[^/\s]+:\d+\/?$/.test(url));
    if (bad !== undefined) {
      throw new UsageError(
        `endpoint "${bad}" is not host:port, http://host:port or https://host:port`,
      );
    }
    if (urls.length > 0) return { kind, urls };
  }
  throw new UsageError(`--target "${text}" is not known; expected ${TARGET_HELP}`);
}
