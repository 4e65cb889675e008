/**
 * A scenario as a Jest test: `npm run chaos` plays it on the reference as processes, or on what
 * CHAOS_TARGET (reference, etcd) and CHAOS_RUNTIME (process, container) say, for CHAOS_SECONDS.
 * Reports of such runs lie under reports/runs as those of the command line do.
 */
import { createRunDirectory, overallVerdict, writeReports } from '../../../reports';
import { reportOf } from '../../report';
import { makeTarget, type TargetChoice } from '../../targets/makeTarget';
import { playScenarios } from '../play';
import type { Scenario } from '../scenario';

function choice(): TargetChoice {
  const runtime = process.env['CHAOS_RUNTIME'] === 'container' ? 'container' : 'process';
  const kind = process.env['CHAOS_TARGET'] === 'etcd' ? 'etcd' : 'reference';
  return { kind, runtime };
}

const secondsDefault = 30;

export function describeScenario(scenario: Scenario): void {
  const target = choice();
  const seed = process.env['CHAOS_SEED'] ?? 'nightly';
  it(`${scenario.name} on ${target.kind}: ${scenario.promise}`, async () => {
    const directory = createRunDirectory('reports/runs', new Date());
    const { signal } = new AbortController();
    const results = await playScenarios({
      ...{ scenarios: [scenario], seed, directory, signal },
      seconds: Number(process.env['CHAOS_SECONDS'] ?? secondsDefault),
      makeCluster: (place, wishes) => makeTarget(target, place, wishes, signal),
      onProgress: () => undefined,
    });
    const title = `chaos ${scenario.name}`;
    const command = `crucible chaos ${scenario.name} --target ${target.kind} --seed ${seed}`;
    const report = reportOf(results, { title, command, isNested: true });
    writeReports(report, directory, { amongRuns: true });
    const broken = report.properties
      .filter(({ verdict }) => verdict === 'fail' || verdict === 'unknown')
      .map(({ id, verdict, reason }) => `${id}: ${verdict}: ${reason}`);
    expect(broken).toEqual([]);
    expect(overallVerdict(report.properties)).toBe('ok');
  });
}
