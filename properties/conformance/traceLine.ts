/** A line of the scripts' log: its level and its text. */
import type { TraceEvent } from '../../src/raft';

export const LEVELS = ['DEBUG', 'INFO', 'WARN', 'ERROR', 'FATAL', 'NONE'] as const;
export type Level = (typeof LEVELS)[number];

export interface TraceLine {
  readonly level: Level;
  readonly text: string;
}

export type EventOf<Kind extends TraceEvent['kind']> = Extract<TraceEvent, { readonly kind: Kind }>;

export function debug(text: string): TraceLine {
  return { level: 'DEBUG', text };
}

export function info(text: string): TraceLine {
  return { level: 'INFO', text };
}

export function warn(text: string): TraceLine {
  return { level: 'WARN', text };
}
