/** What `--target` and `--runtime` name, turned into a choice of target. */
import type { Runtime, TargetChoice } from '../../../chaos';
import { UsageError } from '../usageError';

export type { Runtime };
export type TargetOption = TargetChoice;

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
