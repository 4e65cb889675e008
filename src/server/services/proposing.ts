/**
 * Commands into the log and their results out of it, with the kind of the result that the kind of
 * the command promises.
 */
import {
  Refused,
  type Applied,
  type Command,
  type CommandResult,
  type LeaseResult,
  type Revision,
} from '../../kv/types';
import { serviceRefusals } from '../errors';
import type { ServiceContext } from './handler';

type ResultOf<C extends Command> = C['kind'] extends CommandResult['kind']
  ? Extract<CommandResult, { readonly kind: C['kind'] }>
  : LeaseResult;

export interface Proposed<C extends Command> {
  readonly result: ResultOf<C>;
  /** Revision of the store after the command: what the header of the answer says. */
  readonly revision: Revision;
  /** Revision of the store before the command. */
  readonly before: Revision;
}

/**
 * Proposes a command of a request with so many bytes on the wire, and gives its result. Throws
 * Refused or NotServed when there is none.
 */
export async function propose<C extends Command>(
  context: ServiceContext,
  command: C,
  bytes: number,
): Promise<Proposed<C>> {
  const { backend, limits } = context;
  if (bytes > limits.requestBytesMax) throw serviceRefusals.requestTooLarge();
  const applied = await backend.propose(command);
  return {
    result: resultOf(applied, command),
    revision: applied.revision,
    // A command makes one revision or none.
    before: applied.events.length > 0 ? applied.revision - 1 : applied.revision,
  };
}

function resultOf<C extends Command>({ result }: Applied, { kind }: C): ResultOf<C> {
  if (result instanceof Refused) throw result;
  const expected = kind.startsWith('lease') ? 'lease' : kind;
  if (result.kind !== expected) {
    throw new Error(`a ${kind} was applied with a result of ${result.kind}`);
  }
  return result as ResultOf<C>;
}
