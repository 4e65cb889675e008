/**
 * The one error of this layer: a history that cannot be read or recorded as asked.
 *
 * It always says where (file, line) and shows the text, because a damaged line is found by
 * looking at it.
 */

import type { Operation } from './types';

/**
 * - `damagedLine`: a line is no event of the format, or contradicts an earlier line.
 * - `unknownFormat`: no reader recognizes the text.
 * - `misuse`: the recorder was called in an order that no run can have.
 * - `limit`: more events than the caller allowed.
 */
export type HistoryErrorCode = 'damagedLine' | 'unknownFormat' | 'misuse' | 'limit';

const shownCharactersMax = 200;

export class HistoryError extends Error {
  constructor(
    readonly code: HistoryErrorCode,
    message: string,
  ) {
    super(message);
    this.name = 'HistoryError';
  }
}

/** Where a text came from; lines count from 1. */
export interface Place {
  readonly file: string;
  readonly line: number;
}

export function shorten(text: string, charactersMax = shownCharactersMax): string {
  return text.length <= charactersMax ? text : `${text.slice(0, charactersMax)}...`;
}

export function damagedLine(place: Place, text: string, reason: string): HistoryError {
  return new HistoryError(
    'damagedLine',
    `${place.file}:${place.line}: ${reason}: ${JSON.stringify(shorten(text))}`,
  );
}

/** An operation that a format has no place for. */
export function cannotHold(format: string, operation: Operation, why: string): HistoryError {
  const { id, f, process } = operation;
  return new HistoryError(
    'misuse',
    `operation ${id}, a ${f} by process ${process}, cannot be written as ${format}: ${why}`,
  );
}
