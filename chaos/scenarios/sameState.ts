/** Whether all members hold the same, revision by revision: the end of scripted scenarios. */
import type { PropertyResult } from '../../reports';
import { waitFor } from '../wait';
import type { Stage } from './stage';

/** All revisions hashed at every member, which may take until the limit to have got there. */
export async function sameState(stage: Stage, limitMs = 60_000): Promise<PropertyResult> {
  await stage.untilHealed(limitMs);
  const { revision } = stage;
  const { signal } = stage.context;
  const prints = await Promise.all(
    stage.names.map(async (name, endpoint) => {
      const hash = await waitFor(
        async () => {
          const answer = await stage.client.hashKv(revision, { endpoint });
          return answer.type === 'ok' ? answer.value : undefined;
        },
        { what: `the hash of ${name} at revision ${revision}`, limitMs, signal },
      );
      return `${hash.hash} since revision ${hash.compactRevision}`;
    }),
  );
  const base = {
    id: 'same-state',
    title: 'All members hold the same, by a hash of all revisions',
    evidence: { counts: { members: prints.length, revisions: revision } },
  };
  if (new Set(prints).size === 1) return { ...base, verdict: 'ok' };
  const lines = prints.map((print, i) => `${stage.names[i]}: ${print}`);
  const reason = `the members differ at revision ${revision}`;
  return { ...base, verdict: 'fail', reason, counterexample: { title: reason, lines } };
}
