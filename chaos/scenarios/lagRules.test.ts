/** What is said of a lag: the ways that are predicted, and outcomes good and bad. */
import { compactedInLog } from '../logWindow';
import { asPredicted, predict, recovered, stepsOf, windowKept, type Outcome } from './lagRules';

const window = { entries: 400, between: 200 };

function outcome(given: Partial<Outcome>): Outcome {
  const step = { cause: 'kill', distance: 100, lag: 100 } as const;
  return { ...step, expected: 'log', seen: 'log', recoveredMs: 5, ...given };
}

const bySnapshot = outcome({ lag: 401, expected: 'snapshot', seen: 'snapshot' });

describe('the way a follower is helped', () => {
  it('changes with the entry after its last one', () => {
    expect(predict(false, 1_000, [999])).toBe('log');
    expect(predict(false, 1_000, [1_000])).toBe('log');
    expect(predict(false, 1_000, [1_001])).toBe('snapshot');
  });

  it('is open between what two possible leaders have forgotten', () => {
    expect(predict(false, 1_000, [900, 1_000])).toBe('log');
    expect(predict(false, 1_000, [900, 1_001])).toBe('either');
    expect(predict(false, 1_000, [1_001, 1_200])).toBe('snapshot');
  });

  it('is open for who may still find entries in its sockets', () => {
    expect(predict(true, 1_000, [1_000])).toBe('log');
    expect(predict(true, 1_000, [1_001])).toBe('either');
  });

  it('is open where nothing tells', () => {
    expect(predict(false, 1_000, [900, undefined])).toBe('either');
    expect(predict(false, 1_000, [])).toBe('either');
  });
});

describe('outcomes', () => {
  it('are as predicted when both ways were predicted and came', () => {
    expect(asPredicted([outcome({}), bySnapshot]).verdict).toBe('ok');
  });

  it('break the promise when one came otherwise, and tell which', () => {
    const judged = asPredicted([outcome({ lag: 399, seen: 'snapshot' }), bySnapshot]);
    expect(judged).toMatchObject({ verdict: 'fail', reason: '1 of 2 came otherwise' });
    expect(judged.counterexample?.lines[0]).toBe(
      'kill, 399 entries behind: snapshot (expected log), caught up after 5 ms',
    );
  });

  it('decide nothing when one way never came or nothing tells', () => {
    expect(asPredicted([outcome({})])).toMatchObject({
      verdict: 'unknown',
      reason: 'of both ways only log could be predicted',
    });
    expect(asPredicted([outcome({ seen: 'unknown' })])).toMatchObject({
      verdict: 'unknown',
      reason: 'the members print nothing that tells',
    });
  });

  it('keep the window when no shorter lag took a snapshot', () => {
    expect(windowKept([outcome({}), bySnapshot], window).verdict).toBe('ok');
    const early = outcome({ lag: 399, seen: 'snapshot', expected: 'snapshot' });
    expect(windowKept([early], window).verdict).toBe('fail');
  });

  it('must all end in time', () => {
    expect(recovered([outcome({})], 1_000).verdict).toBe('ok');
    expect(recovered([outcome({ recoveredMs: undefined })], 1_000).verdict).toBe('fail');
  });
});

test('a short run has a lag on each side of the edge for every cause', () => {
  expect(stepsOf(window, true)).toEqual(
    ['kill', 'partition', 'pause'].flatMap((cause) => [
      { cause, distance: 40 },
      { cause, distance: 'forgotten' },
    ]),
  );
  expect(stepsOf(window, false)).toHaveLength(15);
  const large = stepsOf({ entries: 5_000, between: 200 }, true);
  expect(large.filter(({ distance }) => distance === 'forgotten')).toHaveLength(1);
});

describe('what an etcd prints about its log', () => {
  it('is the last compaction, by either of its loggers', () => {
    const plain = 'I | etcdserver: compacted raft log at ';
    expect(compactedInLog('')).toBe(0);
    expect(compactedInLog(`${plain}205\n${plain}406\n`)).toBe(406);
    const json = '{"level":"info","msg":"compacted Raft logs","compact-index":407}';
    expect(compactedInLog(`${plain}205\n${json}`)).toBe(407);
  });

  it('tells nothing after a restart, until it compacts again', () => {
    const restart =
      'I | etcdserver: restarting member 8e9e05c5 in cluster cdf8 at commit index 7\n';
    const compaction = 'I | etcdserver: compacted raft log at 900\n';
    expect(compactedInLog(compaction + restart)).toBeUndefined();
    expect(compactedInLog(compaction + restart + compaction)).toBe(900);
  });
});
