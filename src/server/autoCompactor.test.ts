/** Compaction by itself, on a clock turned by hand. */
import type { Command } from '../kv';
import { AutoCompactor, parseAutoCompaction, type AutoCompaction } from './autoCompactor';
import { NotServed } from './notServed';
import type { ProposalOutcome } from './proposals';
import { TestRuntime } from './testing/testRuntime';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

function start(settings: AutoCompaction) {
  const runtime = new TestRuntime();
  const state = { revision: 1, isLeader: true, fails: false };
  const compacted: number[] = [];
  const propose = (command: Command, done: (outcome: ProposalOutcome) => void): void => {
    if (state.fails) done(new NotServed('timeout', false, ''));
    else if (command.kind === 'compact') {
      done({ result: { kind: 'compact' }, revision: state.revision, events: [] });
    }
  };
  const compactor = new AutoCompactor({
    runtime,
    settings,
    isLeader: () => state.isLeader,
    revision: () => state.revision,
    propose,
    compacted: (revision) => compacted.push(revision),
  });
  return { runtime, state, compacted, compactor };
}

describe('periodic compaction', () => {
  it('drops what is older than the period, once a period', () => {
    const { runtime, state, compacted } = start({ mode: 'periodic', retentionMs: 10 * MINUTE });
    for (let minute = 0; minute < 30; minute++) {
      state.revision = 1 + minute * 10;
      runtime.advance(MINUTE);
    }
    // The samples of minutes 0, 10 and 20, taken before the revisions of those minutes came.
    expect(compacted).toEqual([1, 91, 191]);
  });

  it('compacts a long period every hour', () => {
    const { runtime, state, compacted } = start({ mode: 'periodic', retentionMs: 3 * HOUR });
    for (let hour = 0; hour < 6; hour++) {
      runtime.advance(HOUR);
      state.revision += 100;
    }
    expect(compacted).toEqual([1, 101, 201]);
  });

  it('is the business of the leader, and tried again when it fails', () => {
    const { runtime, state, compacted } = start({ mode: 'periodic', retentionMs: HOUR });
    state.isLeader = false;
    runtime.advance(2 * HOUR);
    expect(compacted).toEqual([]);
    state.isLeader = true;
    state.fails = true;
    runtime.advance(HOUR / 10);
    expect(compacted).toEqual([]);
    state.fails = false;
    runtime.advance(HOUR / 10);
    expect(compacted).toEqual([1]);
  });
});

describe('compaction by revision', () => {
  it('keeps as many revisions as it is told, looking every five minutes', () => {
    const { runtime, state, compacted, compactor } = start({
      mode: 'revision',
      retentionRevisions: 100,
    });
    state.revision = 90;
    runtime.advance(5 * MINUTE);
    state.revision = 350;
    runtime.advance(5 * MINUTE);
    runtime.advance(5 * MINUTE);
    expect(compacted).toEqual([250]);
    compactor.stop();
    state.revision = 900;
    runtime.advance(HOUR);
    expect(compacted).toEqual([250]);
  });
});

test.each([
  ['periodic', '0', undefined],
  ['revision', '0', undefined],
  ['periodic', '2', { mode: 'periodic', retentionMs: 2 * HOUR }],
  ['periodic', '1h30m', { mode: 'periodic', retentionMs: 90 * MINUTE }],
  ['periodic', '10s', { mode: 'periodic', retentionMs: 10_000 }],
  ['revision', '1000', { mode: 'revision', retentionRevisions: 1000 }],
] as const)('reads %s %s', (mode, retention, expected) => {
  expect(parseAutoCompaction(mode, retention)).toEqual(expected);
});

test.each([
  ['revision', '1h'],
  ['periodic', '-1'],
  ['periodic', 'soon'],
] as const)('refuses %s %s', (mode, retention) => {
  expect(() => parseAutoCompaction(mode, retention)).toThrow(`"${retention}" is not a retention`);
});
