/** What the system says of this process; nothing where the system has no such files. */
import { readdirSync, readFileSync } from 'node:fs';

export interface ProcessReading {
  readonly residentBytes: number;
  /** Heap and buffers, without mapped files: what really has to fit into the memory. */
  readonly anonymousBytes: number | undefined;
  readonly cpuSeconds: number;
  readonly openFiles: number | undefined;
  readonly startedAtSeconds: number;
}

export function readProcess(wallMs: number): ProcessReading {
  const { user, system } = process.cpuUsage();
  return {
    residentBytes: process.memoryUsage.rss(),
    anonymousBytes: anonymousBytes(),
    cpuSeconds: (user + system) / 1e6,
    openFiles: openFiles(),
    startedAtSeconds: wallMs / 1000 - process.uptime(),
  };
}

function anonymousBytes(): number | undefined {
  try {
    const match = /^RssAnon:\s+(\d+) kB$/m.exec(readFileSync('/proc/self/status', 'utf8'));
    return match === null ? undefined : Number(match[1]) * 1024;
  } catch {
    return undefined;
  }
}

function openFiles(): number | undefined {
  try {
    return readdirSync('/proc/self/fd').length;
  } catch {
    return undefined;
  }
}
