/**
 * Measures the anonymous memory of each member while a run goes on: what the process itself holds,
 * without files that the kernel may drop. Only where the system shows it (Linux, own processes).
 */
import { readFileSync } from 'node:fs';

import type { Series } from '../reports';
import type { RunningCluster } from './target';

export interface MemorySamplerOptions {
  readonly cluster: RunningCluster;
  /** Seconds on the clock of the history. */
  readonly clockSeconds: () => number;
  readonly history: string;
  /** Default 500 ms. */
  readonly intervalMs?: number;
}

export interface MemorySampler {
  /** Ends the sampling and returns what was measured; undefined when there was nothing. */
  stop(): Series | undefined;
}

/** Samples kept; a longer run drops every second one, so that the series stays bounded. */
const samplesMax = 2_000;

/** Anonymous resident memory in MiB; null when the process is gone or the system does not say. */
export function anonymousMiB(pid: number | undefined): number | null {
  if (pid === undefined) return null;
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'utf8');
    const kib = /^RssAnon:\s+(\d+) kB$/m.exec(status)?.[1];
    return kib === undefined ? null : Number((Number(kib) / 1024).toFixed(1));
  } catch {
    return null;
  }
}

export function startMemorySampler(options: MemorySamplerOptions): MemorySampler {
  const { cluster, clockSeconds, history, intervalMs = 500 } = options;
  let seconds: number[] = [];
  let lines = cluster
    .members()
    .map(({ name }) => ({ label: name, values: [] as (number | null)[] }));
  let skip = 0;
  let keepEvery = 1;
  const sample = (): void => {
    skip = (skip + 1) % keepEvery;
    if (skip !== 0) return;
    seconds.push(Number(clockSeconds().toFixed(3)));
    cluster.members().forEach(({ pid }, i) => lines[i]!.values.push(anonymousMiB(pid)));
    if (seconds.length < samplesMax) return;
    const isKept = (_: unknown, i: number): boolean => i % 2 === 0;
    seconds = seconds.filter(isKept);
    lines = lines.map(({ label, values }) => ({ label, values: values.filter(isKept) }));
    keepEvery *= 2;
  };
  sample();
  const timer = setInterval(sample, intervalMs);
  return {
    stop: () => {
      clearInterval(timer);
      const isMeasured = lines.some(({ values }) => values.some((value) => value !== null));
      if (!isMeasured) return undefined;
      return { title: 'Anonymous memory of the members', unit: 'MiB', history, seconds, lines };
    },
  };
}
