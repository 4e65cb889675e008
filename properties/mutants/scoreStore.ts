/**
 * Scores in a file, one JSON line each, written as each hunt ends: a hunt of the whole zoo takes
 * longer than most machines are free, so it goes on where it was interrupted. A torn last line is
 * hunted again; any other line that is no score is an error.
 */
import { appendFileSync, existsSync, readFileSync, truncateSync } from 'node:fs';
import type { Score } from './score';

export class ScoreStore {
  readonly scores: ReadonlyMap<string, Score>;

  constructor(private readonly path: string) {
    const text = existsSync(path) ? readFileSync(path, 'utf8') : '';
    const end = text.lastIndexOf('\n') + 1;
    if (end < text.length) truncateSync(path, Buffer.byteLength(text.slice(0, end)));
    const lines = text.slice(0, end).split('\n').slice(0, -1);
    this.scores = new Map(lines.map((line, i) => scoreOf(line, `${path}, line ${i + 1}`)));
  }

  add(score: Score): void {
    appendFileSync(this.path, `${JSON.stringify(score)}\n`);
  }
}

function scoreOf(line: string, where: string): [string, Score] {
  let value: Partial<Score> | null;
  try {
    value = JSON.parse(line) as Partial<Score> | null;
  } catch (error) {
    throw new Error(`${where} is not JSON: ${(error as Error).message}`, { cause: error });
  }
  const { id, outcome, seeds } = value ?? {};
  if (typeof id !== 'string' || typeof outcome !== 'string' || typeof seeds !== 'number') {
    throw new Error(`${where} is no score of a mutant`);
  }
  return [id, value as Score];
}
