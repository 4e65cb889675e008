/**
 * Impossible states. A failed assertion is a bug in this core or in its caller, never the
 * fault of a message from the network: those are checked and dropped instead.
 */

/** Raised when the core finds itself, or is put, in a state that cannot be. */
export class RaftError extends Error {
  constructor(message: string) {
    super(`raft: ${message}`);
    this.name = 'RaftError';
  }
}

/** Throws RaftError. Called behind an `if`, so that the text is built only when it is needed. */
export function fail(message: string): never {
  throw new RaftError(message);
}
