/**
 * Why a member did not serve a request. `certain` tells whether the request certainly had no
 * effect: a proposal that was handed to the log and not heard of again may still be applied.
 */
export type NotServedReason =
  /** No leader is known, so nothing was proposed. */
  | 'noLeader'
  /** The member has joined a cluster and has not learned yet what it is there. */
  | 'notCapable'
  /** The member holds as many waiting requests, or bytes of them, as it may. */
  | 'tooManyRequests'
  /** The request is larger than the log accepts. */
  | 'tooLarge'
  /** No answer within the request timeout. */
  | 'timeout'
  /** Leadership did not move to the chosen member in time. */
  | 'transferTimeout'
  /** The member is shutting down or has failed. */
  | 'stopped';

export class NotServed extends Error {
  constructor(
    readonly reason: NotServedReason,
    readonly certain: boolean,
    message: string,
  ) {
    // An answer, not a failure: nobody reads where it was made, and a stack takes longer to
    // gather than most commands take.
    const { stackTraceLimit } = Error;
    Error.stackTraceLimit = 0;
    super(message);
    Error.stackTraceLimit = stackTraceLimit;
    this.name = 'NotServed';
  }
}
