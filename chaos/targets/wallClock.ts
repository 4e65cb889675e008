/**
 * What a member takes for the time of day, seen from outside: every HTTP answer carries it in its
 * `Date` header, in whole seconds.
 */
const requestMs = 1_000;

/**
 * By how much the wall clock of a member is ahead of ours, to about a second; undefined when it
 * does not tell.
 */
export async function clockAheadMs(clientUrl: string): Promise<number | undefined> {
  try {
    const answer = await fetch(`${clientUrl}/health`, { signal: AbortSignal.timeout(requestMs) });
    await answer.arrayBuffer();
    const told = Date.parse(answer.headers.get('date') ?? '');
    return Number.isNaN(told) ? undefined : told - Date.now();
  } catch {
    return undefined;
  }
}
