/** A small run to write reports about, with one of each verdict. */
import type { FaultRecord, History, Operation } from '../src/history';
import type { Contradiction, RunReport } from './runReport';

const second = 1e9;

export function sampleHistory(): History {
  const operation = (id: number, fields: Partial<Operation>): Operation => {
    return {
      ...{ id, process: id % 2, f: 'read', key: 'k0', input: undefined, output: undefined },
      ...{ call: id * second, return: (id + 0.5) * second, outcome: 'ok', member: 'm1' },
      ...fields,
    };
  };
  const operations = [
    operation(0, { f: 'write', input: 1, rev: 2 }),
    operation(1, { output: 1, rev: 2, mod: 2 }),
    operation(2, { f: 'cas', input: [1, 2], outcome: 'info', return: Infinity, error: 'gone' }),
    operation(3, { outcome: 'fail', error: 'unavailable: no leader', member: 'm2' }),
    operation(4, { process: 2, output: '</script><b>&"\'', rev: 3 }),
  ];
  const record = (phase: FaultRecord['phase'], at: number): FaultRecord => {
    return { fault: 'kill leader', phase, targets: ['m1'], time: at * second };
  };
  const faults = [record('inject', 1.2), record('injected', 1.3), record('healed', 2.6)];
  return { meta: { name: 'sample' }, operations, faults };
}

/** Why the write of the sample history and its last read contradict each other. */
export function sampleContradiction(): Contradiction {
  return {
    key: 'k0',
    message: 'read(k0) -> 2 by process 2 cannot be placed beside write(k0, 1) by process 0',
    isMinimal: true,
    operations: [
      { id: 0, role: 'core', text: 'write(k0, 1)', process: 0, member: 'm1', call: 0, end: 0.5 },
      { id: 2, role: 'context', text: 'cas(k0, <1>, 2)', process: 0, call: 2, end: null },
      { id: 4, role: 'culprit', text: 'read(k0) -> 2', process: 2, call: 4, end: 4.5 },
    ],
    order: [{ text: 'write(k0, 1)', state: '<1>' }],
  };
}

export function sampleReport(): RunReport {
  return {
    title: 'chaos <sample>',
    startedAt: '2026-01-31T12:00:00.000Z',
    seconds: 5.25,
    environment: { node: 'v20.19.0', memory: '1.0 GiB' },
    command: 'crucible chaos --seed "a b"',
    target: { name: 'etcd', how: '/usr/bin/etcd', version: '3.4.23', memberCount: 3 },
    seed: 'a b',
    properties: [
      {
        id: 'linearizable',
        title: 'Reads return the newest write',
        verdict: 'fail',
        evidence: { operations: 12_345, faults: 1, seconds: 5 },
        reason: 'a read was <stale>',
        counterexample: {
          title: 'k0 & k1 went back',
          lines: ['write(k0, 1)', 'read(k0) -> "</pre>"'],
          history: 'sample',
          operationIds: [0, 4],
          replay: 'crucible check history.jsonl',
        },
      },
      { id: 'alive', title: 'No member ends', verdict: 'ok', evidence: { counts: { members: 3 } } },
      {
        id: 'agree',
        title: 'All agree',
        verdict: 'unknown',
        evidence: {},
        reason: 'm2 was silent',
      },
      { id: 'clock', title: 'Clocks', verdict: 'skipped', evidence: {}, reason: 'no clock faults' },
    ],
    faults: [{ name: 'kill leader', label: 'kill leader', colour: '#d1495b', count: 1 }],
    series: [
      {
        ...{ title: 'Memory', unit: 'MiB', history: 'sample', seconds: [0, 1] },
        lines: [{ label: 'm1', values: [10, null] }],
      },
    ],
    histories: [{ name: 'sample', history: sampleHistory() }],
    notes: ['ended early'],
  };
}
