/**
 * A text or number for a state that is the same for equal states and for no others: what tells
 * states apart when a model does not say how.
 *
 * Plain data is its JSON, which is fast. JSON is not enough for maps and sets, which it writes as
 * `{}`, nor for undefined, NaN and big integers: states with these are written out by a slower
 * walk. An object of a class may hide what it holds, so it is refused rather than guessed at.
 */

/** @throws TypeError for a function, a symbol or an object of a class other than Map and Set. */
export function stateText(state: unknown): string | number {
  if (typeof state === 'number' && Number.isFinite(state)) return state;
  return isJson(state) ? JSON.stringify(state) : `*${written(state)}`;
}

/** Whether JSON keeps all of it. */
function isJson(value: unknown): boolean {
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return true;
    case 'number':
      return Number.isFinite(value);
    case 'object':
      if (value === null) return true;
      if (Array.isArray(value)) return value.every(isJson);
      return isPlain(value) && Object.values(value).every(isJson);
    default:
      return false;
  }
}

/** Whether it is no object of a class. */
export function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}

/** @throws TypeError that names what cannot be told apart. */
export function refuseState(value: unknown): never {
  const what =
    typeof value === 'object' && value !== null
      ? `an object of the class ${value.constructor.name}`
      : `a ${typeof value}`;
  throw new TypeError(
    `${what} cannot be told from others like it: give the model a hash ` +
      `(or a label, when it is the value of an operation)`,
  );
}

function written(value: unknown): string {
  switch (typeof value) {
    case 'object':
      return writtenObject(value);
    case 'string':
      return JSON.stringify(value);
    case 'bigint':
      return `${value}n`;
    case 'number':
    case 'boolean':
    case 'undefined':
      return String(value);
    default:
      return refuseState(value);
  }
}

function writtenObject(value: object | null): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return `[${value.map(written).join()}]`;
  if (value instanceof Set) return `Set{${[...value].map(written).sort().join()}}`;
  if (value instanceof Map) {
    const entries = [...value].map(([key, held]) => `${written(key)}:${written(held)}`);
    return `Map{${entries.sort().join()}}`;
  }
  if (!isPlain(value)) return refuseState(value);
  const entries = Object.entries(value).map(([key, held]) => `${written(key)}:${written(held)}`);
  return `{${entries.sort().join()}}`;
}
