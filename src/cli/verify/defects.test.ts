/**
 * `crucible verify` bites: stores with one defect each are pointed at, and each is reported by the
 * promise that it breaks. Stores that only promise less are not called wrong, and say what was
 * skipped. The runs wait for the stores most of the time, so several go on side by side.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { PropertyResult } from '../../../reports';
import { Progress } from '../progress';
import { defects, poorStores } from './testing/defects';
import { FaultyStore } from './testing/faultyStore';
import type { NamedDefect } from './testing/namedDefect';
import { runVerify } from './verify';

const atOnce = 12;
/** On a machine with much else to do a short run may try too little to tell: then a longer one. */
const secondsOfAttempts = [2, 6, 15];
let runsDirectory: string;
const results = new Map<string, readonly PropertyResult[]>();

async function verify(
  { members, workload }: Omit<NamedDefect, 'broken'>,
  chaosSeconds: number,
): Promise<readonly PropertyResult[]> {
  const store = await FaultyStore.start(...members);
  try {
    const { report } = await runVerify({
      target: { kind: 'endpoints', urls: store.urls },
      ...{ chaosSeconds, simulation: { seconds: 0 }, workloads: [workload], clients: 4 },
      ...{ seed: 'defects', runsDirectory, command: 'crucible verify' },
      progress: new Progress({ isTTY: false, write: () => undefined }),
      signal: new AbortController().signal,
    });
    return report.properties;
  } finally {
    await store.close();
  }
}

function isDecided({ verdict }: PropertyResult): boolean {
  return verdict === 'ok' || verdict === 'skipped';
}

beforeAll(async () => {
  runsDirectory = mkdtempSync(join(tmpdir(), 'crucible-defects-'));
  const waiting = [...defects, ...poorStores];
  const lane = async (): Promise<void> => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      const broken = 'broken' in next ? next.broken : [];
      for (const [attempt, seconds] of secondsOfAttempts.entries()) {
        const properties = await verify(next, seconds).catch((error: unknown) => {
          // The judge of another lane can keep this process from answering in time.
          if (attempt === secondsOfAttempts.length - 1) throw error;
          return undefined;
        });
        if (properties === undefined) continue;
        results.set(next.name, properties);
        const fails = properties.filter(({ verdict }) => verdict === 'fail').map(({ id }) => id);
        const isFound = broken.length > 0 && broken.every((id) => fails.includes(id));
        const isQuiet = broken.length === 0 && properties.every(isDecided);
        if (isFound || isQuiet) break;
      }
    }
  };
  await Promise.all(Array.from({ length: atOnce }, lane));
}, 400_000);
afterAll(() => rmSync(runsDirectory, { recursive: true, force: true }));

function verdictsOf(name: string): Readonly<Record<string, string>> {
  return Object.fromEntries(results.get(name)!.map(({ id, verdict }) => [id, verdict]));
}

describe('a store that', () => {
  it.each(defects.map((defect) => [defect.name, defect] as const))(
    '%s is found out',
    (name, one) => {
      const found = Object.entries(verdictsOf(name)).flatMap(([id, verdict]) =>
        verdict === 'fail' ? [id] : [],
      );
      expect(found).toEqual(expect.arrayContaining([...one.broken]));
      for (const { counterexample, verdict, reason } of results.get(name)!) {
        if (verdict !== 'fail') continue;
        expect(reason).toBeTruthy();
        expect(counterexample?.title ?? reason).toBeTruthy();
      }
    },
  );

  it.each(poorStores.map((store) => [store.name, store] as const))(
    '%s is not called wrong',
    (name, { skipped }) => {
      const all = results.get(name)!;
      const bad = all.filter(({ verdict }) => verdict === 'fail' || verdict === 'unknown');
      expect(bad.map(({ id, reason }) => `${id}: ${reason}`)).toEqual([]);
      for (const [id, reason] of Object.entries(skipped)) {
        expect(all.find((one) => one.id === id)).toMatchObject({
          verdict: 'skipped',
          reason: expect.stringMatching(reason) as string,
        });
      }
    },
  );
});
