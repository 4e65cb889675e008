/**
 * Reads mutants from a directory: every `*.json` in it holds one mutant or a list of them. Texts
 * of several lines may be lists of lines. Whatever is not as it should be is an error that names
 * the file and the mutant: a mutant that is left out in silence would look like a kill.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Edit, Mutant, MutantKind } from './mutant';

const KINDS: readonly MutantKind[] = ['mutant', 'benign', 'canary'];

/** All mutants of the directory, in the order of its files and of their places in them. */
export function readMutants(directory: string): readonly Mutant[] {
  const names = readdirSync(directory)
    .filter((name) => name.endsWith('.json'))
    .sort();
  if (names.length === 0) throw new Error(`there is no *.json in ${directory}`);
  const mutants = names.flatMap((name) => parseMutants(fileText(join(directory, name)), name));
  const seen = new Set<string>();
  for (const { id } of mutants) {
    if (seen.has(id)) throw new Error(`${directory}: there are two mutants ${id}`);
    seen.add(id);
  }
  return mutants;
}

/** `name` of the file is for the errors. */
export function parseMutants(text: string, name: string): readonly Mutant[] {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new Error(`${name} is not JSON: ${(error as Error).message}`, { cause: error });
  }
  const list: readonly unknown[] = Array.isArray(value) ? value : [value];
  return list.map((item, i) => mutantOf(item, `${name}, mutant ${i + 1}`));
}

function mutantOf(value: unknown, where: string): Mutant {
  const fields = record(value, where);
  const id = text(fields['id'], `${where}: id`);
  const at = `${where} (${id})`;
  const kind = (fields['kind'] ?? 'mutant') as MutantKind;
  if (!KINDS.includes(kind)) throw new Error(`${at}: kind is ${String(kind)}, not ${KINDS.join()}`);
  const absent = optional(fields['absent'], `${at}: absent`);
  const edits = list(fields['edits'] ?? [], `${at}: edits`).map((edit) => editOf(edit, at));
  if ((edits.length === 0) !== (absent !== undefined)) {
    throw new Error(`${at}: it needs either edits or 'absent' with the reason, not both`);
  }
  return {
    id,
    kind,
    title: text(fields['title'] ?? id, `${at}: title`),
    source: optional(fields['source'], `${at}: source`) ?? '',
    edits,
    expectedKillers: list(fields['expectedKillers'] ?? [], `${at}: expectedKillers`).map((name) =>
      text(name, `${at}: expectedKillers`),
    ),
    needs: optional(fields['needs'], `${at}: needs`) ?? '',
    quickSeed: fields['quickSeed'] as number | undefined,
    swarm: fields['swarm'] ?? {},
    absent,
  };
}

function editOf(value: unknown, at: string): Edit {
  const { file, find, replace } = record(value, `${at}: an edit`);
  const edit = {
    file: text(file, `${at}: file`),
    find: lines(find, `${at}: find`),
    replace: lines(replace, `${at}: replace`),
  };
  if (edit.find === '') throw new Error(`${at}: find is empty`);
  return edit;
}

function fileText(path: string): string {
  return readFileSync(path, 'utf8');
}

function record(value: unknown, what: string): Record<string, unknown> {
  if (typeof value === 'object' && value !== null) return value as Record<string, unknown>;
  throw new Error(`${what} is no object`);
}

function list(value: unknown, what: string): readonly unknown[] {
  if (Array.isArray(value)) return value;
  throw new Error(`${what} is no list`);
}

function text(value: unknown, what: string): string {
  if (typeof value === 'string') return value;
  throw new Error(`${what} is no text`);
}

function optional(value: unknown, what: string): string | undefined {
  return value === undefined ? undefined : text(value, what);
}

function lines(value: unknown, what: string): string {
  if (!Array.isArray(value)) return text(value, what);
  return value.map((line) => text(line, what)).join('\n');
}
