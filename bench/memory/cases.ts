/** What is written in each case of the memory bench, as requests of known size. */
import { randomBytes } from 'node:crypto';
import type { EtcdClient } from '../../src/client';
import { answered } from './store';

const KIB = 1024;
const MIB = 1024 * KIB;

/** The statistics of an API gateway: so many pipelines report so many bytes each, every tick. */
const PIPELINES = 1000;
const STATUS_BYTES = 1536;

export interface Load {
  /** Payload bytes of one request. */
  readonly requestBytes: number;
  /** Requests under way at a time. */
  readonly width: number;
  /** Sends request number `index`; throws unless it was carried out. Returns its revision. */
  readonly send: (client: EtcdClient, endpoint: number, index: number) => Promise<number>;
}

export interface MemoryCase {
  /** Payload bytes unless asked otherwise; less for etcd, which keeps them in memory. */
  readonly bytes: number;
  readonly etcdBytes: number;
  readonly load: Load;
}

/** Overwrites `keys` keys in turn. */
function overwrite(valueBytes: number, keys: number, width: number): Load {
  const value = randomBytes(valueBytes);
  return {
    requestBytes: valueBytes,
    width,
    send: async (client, endpoint, index) => {
      const put = client.put({ key: `key-${index % keys}`, value }, { endpoint });
      return Number((await answered(put)).revision);
    },
  };
}

/** The statistics of a tick in transactions of `perTxn` pipelines. */
function split(perTxn: number): Load {
  const value = randomBytes(STATUS_BYTES);
  const parts = Math.ceil(PIPELINES / perTxn);
  return {
    requestBytes: (PIPELINES * STATUS_BYTES) / parts,
    width: 4,
    send: async (client, endpoint, index) => {
      const first = (index % parts) * perTxn;
      const last = Math.min(first + perTxn, PIPELINES);
      const success = Array.from({ length: last - first }, (_, i) => ({
        op: 'put' as const,
        key: `/status/objects/pipeline-${first + i}/member`,
        value,
      }));
      return Number((await answered(client.txn({ success }, { endpoint }))).revision);
    },
  };
}

const GIB = 1024 * MIB;

export const MEMORY_CASES: Readonly<Record<string, MemoryCase>> = {
  'overwrite-1MiB': { bytes: 5600 * MIB, etcdBytes: 700 * MIB, load: overwrite(MIB, 1, 4) },
  'entries-1KiB': { bytes: 1.25 * GIB, etcdBytes: 320 * MIB, load: overwrite(KIB, 64, 128) },
  'entries-64KiB': { bytes: 1.25 * GIB, etcdBytes: 700 * MIB, load: overwrite(64 * KIB, 64, 16) },
  'entries-1MiB': { bytes: 1.25 * GIB, etcdBytes: 700 * MIB, load: overwrite(MIB, 64, 4) },
  'easegress-merged': {
    bytes: 1.25 * GIB,
    etcdBytes: 700 * MIB,
    load: overwrite(PIPELINES * STATUS_BYTES, 1, 4),
  },
  'easegress-split-20': { bytes: 1.25 * GIB, etcdBytes: 700 * MIB, load: split(20) },
  'easegress-split-128': { bytes: 1.25 * GIB, etcdBytes: 700 * MIB, load: split(128) },
};
