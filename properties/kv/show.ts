/**
 * States, results and events as text that two sides can be compared by: bytes and binary
 * strings readable, bigints as they are, refusals by code and message, fields in one order.
 */

import { Refused, stringOfBytes } from '../../src/kv';

export function show(value: unknown): string {
  return JSON.stringify(value, plain, 1);
}

function plain(_key: string, value: unknown): unknown {
  if (typeof value === 'bigint') return `${value}n`;
  if (value instanceof Uint8Array) return { bytes: stringOfBytes(value) };
  if (value instanceof Refused) return { refused: value.code, message: value.message };
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
    return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
  }
  return value;
}
