/** What `--target` and `--runtime` name, turned into clusters that can be started. */
import { join } from 'node:path';
import {
  endpoints,
  etcdContainers,
  etcdProcess,
  imageContainers,
  referenceContainers,
  referenceProcess,
  type Cluster,
} from '../../../chaos';
import { UsageError } from '../usageError';

export type Runtime = 'process' | 'container';

export type TargetOption =
  | { readonly kind: 'reference'; readonly runtime: Runtime }
  | { readonly kind: 'etcd'; readonly runtime: Runtime; readonly binary?: string }
  | { readonly kind: 'image'; readonly image: string }
  | { readonly kind: 'endpoints'; readonly urls: readonly string[] };

export const TARGET_HELP =
  'reference (embedded), etcd (from PATH), etcd:/path/to/binary, image:REF or endpoints:URL,URL';

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
    if (urls.length > 0) return { kind, urls };
  }
  throw new UsageError(`--target "${text}" is not known; expected ${TARGET_HELP}`);
}

/**
 * A new cluster of that kind; `directory` holds its data and its members' logs.
 * @throws TargetError when containers are asked for and cannot be had.
 */
export async function makeCluster(
  target: TargetOption,
  directory: string,
  signal: AbortSignal,
): Promise<Cluster> {
  const options = { directory: join(directory, 'cluster') };
  switch (target.kind) {
    case 'reference':
      return target.runtime === 'process'
        ? referenceProcess(options)
        : referenceContainers(options).probe(signal);
    case 'etcd': {
      if (target.runtime === 'container') return etcdContainers(options).probe(signal);
      const { binary } = target;
      return etcdProcess(binary === undefined ? options : { ...options, binary });
    }
    case 'image':
      return imageContainers(target.image, options).probe(signal);
    case 'endpoints':
      return endpoints({ urls: target.urls });
  }
}
