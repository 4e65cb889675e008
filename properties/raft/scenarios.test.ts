/** Scenarios that a careless core gets wrong, one for each lesson learned by others. */
import { EMPTY_CONF, emptyMessage, type ConfChange, type MemberChangeType } from '../../src/raft';
import { bytes, Group } from './group';

function change(type: MemberChangeType, id: number): ConfChange {
  return { transition: 'auto', changes: [{ type, id }], context: new Uint8Array(0) };
}

describe('a group of three', () => {
  test('elects one leader and replicates what is proposed to it', () => {
    const group = new Group([1, 2, 3]);
    group.elect(1);
    expect(group.node(1).role).toBe('leader');
    expect(group.node(1).propose([bytes('a'), bytes('b')])).toBe('accepted');
    expect(group.node(2).propose([bytes('c')])).toBe('forwarded');
    group.run();
    for (const id of [1, 2, 3]) expect(group.applied.get(id)).toEqual(['a', 'b', 'c']);
  });

  test('drops messages that are not for this node', () => {
    const group = new Group([1, 2, 3]);
    expect(group.node(1).step(emptyMessage('append', 2, 3, 1))).toBe('misaddressed');
    expect(group.node(1).step(emptyMessage('persisted', 2, 1, 1))).toBe('misaddressed');
    expect(group.node(1).step(emptyMessage('appendResponse', 9, 1, 1))).toBe('unknownPeer');
  });

  test('counts a doubled vote once', () => {
    const group = new Group([1, 2, 3, 4, 5], { preVote: false });
    group.node(1).campaign();
    group.drain(1);
    const vote = emptyMessage('voteResponse', 2, 1, 1);
    group.node(1).step(vote);
    group.node(1).step(vote);
    expect(group.node(1).role).toBe('candidate');
  });

  test('steps down when it hears from no quorum for an election timeout', () => {
    const group = new Group([1, 2, 3]);
    group.elect(1);
    group.cut.add(1);
    group.tick(1, 20);
    expect(group.node(1).role).toBe('follower');
  });
});

describe('a follower whose log has a tail of another leader', () => {
  function follower(): Group {
    const group = new Group([1, 2, 3]);
    const none = new Uint8Array(0);
    const at = (index: number, term: number) => ({
      index,
      term,
      type: 'normal' as const,
      data: none,
    });
    group.log(3).append([at(1, 1), at(2, 2), at(3, 2)]);
    group.log(3).setHardState({ term: 2, vote: 0, commit: 0 });
    group.start(3, 0);
    return group;
  }

  test('acknowledges and commits no more than an append vouches for', () => {
    const group = follower();
    const append = emptyMessage('append', 1, 3, 4);
    append.index = 1;
    append.logTerm = 1;
    append.commit = 3;
    group.node(3).step(append);
    group.drain(3);
    expect(group.inbox.map(({ type, index }) => [type, index])).toEqual([['appendResponse', 1]]);
    expect([group.node(3).commitIndex, group.node(3).lastIndex]).toEqual([1, 3]);
  });

  test('votes for a shorter log of a later term, not for a longer one of an earlier', () => {
    const group = follower();
    const request = emptyMessage('vote', 1, 3, 5);
    request.index = 9;
    request.logTerm = 1;
    group.node(3).step(request);
    expect(group.node(3).vote).toBe(0);
    group.node(3).step({ ...request, from: 2, index: 1, logTerm: 3 });
    expect(group.node(3).vote).toBe(2);
  });
});

describe('reads', () => {
  test('asked of a follower are answered with the commit index', () => {
    const group = new Group([1, 2, 3]);
    group.elect(1);
    expect(group.node(3).readIndex(77)).toBe('accepted');
    group.run();
    expect(group.reads.get(3)).toEqual([{ token: 77, index: 1 }]);
  });

  test('of a leader that was cut off are not answered', () => {
    const group = new Group([1, 2, 3]);
    group.elect(1);
    group.cut.add(1);
    group.node(1).readIndex(1);
    group.run();
    expect(group.reads.get(1)).toEqual([]);
  });

  test('of a single voter wait for an entry of its term, as its commit index may be old', () => {
    const group = new Group([1]);
    group.elect(1);
    group.node(1).propose([bytes('a')]);
    group.run();
    group.log(1).setHardState({ term: 1, vote: 1, commit: 0 });
    group.start(1, 0);
    group.node(1).campaign();
    // Vote and leadership come through the disk; the entry of the new term is not there yet.
    while (group.node(1).role !== 'leader') {
      for (const ack of group.node(1).ready().persist?.acks ?? []) group.node(1).step(ack);
    }
    group.node(1).readIndex(5);
    expect(group.node(1).ready().reads).toEqual([]);
    expect(group.node(1).pendingReads).toBe(1);
  });

  test('of a removed leader need the voter that remains', () => {
    const group = new Group([1, 2], { stepDownOnRemoval: false, allowSelfRemoval: true });
    group.elect(1);
    group.node(1).proposeChange(change('remove', 1));
    group.run();
    expect(group.node(1).role).toBe('leader');
    group.cut.add(1);
    group.node(1).readIndex(1);
    group.run();
    expect(group.reads.get(1)).toEqual([]);
  });

  test('are refused when too many wait', () => {
    const group = new Group([1, 2, 3], { maxPendingReads: 2 });
    group.elect(1);
    group.cut.add(1);
    expect([1, 2, 3].map((token) => group.node(1).readIndex(token))).toEqual([
      'accepted',
      'accepted',
      'tooManyReads',
    ]);
    expect(new Group([1, 2, 3]).node(1).readIndex(1)).toBe('noLeader');
  });

  test('share a heartbeat round until its messages leave, and not after', () => {
    const group = new Group([1, 2, 3]);
    group.elect(1);
    group.node(1).readIndex(1);
    group.node(1).readIndex(2);
    const first = group.node(1).ready().send;
    expect(first.map(({ type }) => type)).toEqual(['heartbeat', 'heartbeat']);
    group.node(1).readIndex(3);
    const answer = emptyMessage('heartbeatResponse', 2, 1, 1);
    answer.context = first[0]!.context;
    group.node(1).step(answer);
    expect(
      group
        .node(1)
        .ready()
        .reads.map(({ token }) => token),
    ).toEqual([1, 2]);
  });

  test('ignore an answer that an earlier life of the node asked for', () => {
    const group = new Group([1, 2, 3]);
    group.elect(1);
    const answer = emptyMessage('readIndexResponse', 1, 2, 1);
    answer.context = 1;
    group.node(2).step(answer);
    expect(group.node(2).hasReady).toBe(false);
  });
});

describe('lease reads', () => {
  const lease = { readOnly: 'lease' } as const;

  function leader(): Group {
    const group = new Group([1, 2, 3], lease);
    group.elect(1);
    group.tick(1, 1);
    group.run();
    return group;
  }

  test('are answered at once while the lease lasts, by the clock at the read', () => {
    const group = leader();
    group.cut.add(1);
    group.nowMs = 700;
    group.node(1).readIndex(1);
    group.run();
    expect(group.reads.get(1)).toHaveLength(1);
    // No tick in between, as after a pause of the process.
    group.nowMs = 900;
    group.node(1).readIndex(2);
    group.run();
    expect(group.reads.get(1)).toHaveLength(1);
  });

  test('need a round trip again once somebody was told to take over', () => {
    const group = leader();
    group.cut.add(1);
    group.node(1).transferLeader(2);
    group.tick(1, 10);
    group.node(1).readIndex(1);
    group.run();
    expect(group.reads.get(1)).toEqual([]);
  });

  test('are protected by a voter that was restarted', () => {
    const group = leader();
    group.start(2, group.node(2).appliedIndex);
    const request = emptyMessage('vote', 3, 2, 2);
    request.index = group.node(2).lastIndex;
    request.logTerm = 1;
    group.node(2).step(request);
    expect(group.node(2).vote).toBe(1);
    group.tick(2, 9);
    group.node(2).campaign();
    expect(group.node(2).role).toBe('follower');
  });

  test('keep nobody from an election once the lease has run out', () => {
    const group = leader();
    group.cut.add(1);
    group.tick(2, 25);
    group.run();
    group.tick(3, 25);
    group.run();
    group.tick(2, 25);
    group.run();
    expect([group.node(2).role, group.node(3).role]).toContain('leader');
  });

  test('need check-quorum and a clock', () => {
    expect(() => new Group([1], { ...lease, checkQuorum: false })).toThrow('need checkQuorum');
  });
});

describe('limits', () => {
  test('uncommitted bytes are bounded and come back to nothing', () => {
    const group = new Group([1, 2, 3], { maxUncommittedBytes: 10 });
    group.elect(1);
    for (let round = 0; round < 20; round++) {
      expect(group.node(1).propose([bytes('12345678')])).toBe('accepted');
      expect(group.node(1).propose([bytes('abc')])).toBe('tooManyBytes');
      group.run();
      expect(group.node(1).uncommittedBytes).toBe(0);
    }
    // An empty one and a too large first one always get in.
    expect(group.node(1).propose([bytes('123456789012345')])).toBe('accepted');
    expect(group.node(1).propose([bytes('')])).toBe('accepted');
  });

  test('entries of earlier terms are not taken off the count', () => {
    const group = new Group([1, 2, 3], { maxUncommittedBytes: 100 });
    group.elect(1);
    group.cut.add(3);
    group.node(1).propose([bytes('old old old')]);
    group.drain(1);
    group.inbox = [];
    group.cut.clear();
    group.tick(3, 10);
    group.tick(2, 10);
    group.elect(2);
    group.node(2).propose([bytes('new')]);
    group.run();
    expect(group.node(2).uncommittedBytes).toBe(0);
  });

  test('a follower gets no more bytes than its window holds', () => {
    const group = new Group([1, 2, 3], { maxInflightBytes: 64 });
    group.elect(1);
    for (let i = 0; i < 20; i++) group.node(1).propose([bytes('0123456789abcdef')]);
    group.drain(1);
    const sent = group.inbox.filter(({ to, entries }) => to === 2 && entries.length > 0);
    expect(sent).toHaveLength(2);
    group.run();
    expect(group.applied.get(2)).toHaveLength(20);
  });
});

describe('membership', () => {
  test('the leader does not remove itself unless it is allowed to', () => {
    const group = new Group([1, 2]);
    group.elect(1);
    expect(group.node(1).proposeChange(change('remove', 1))).toBe('selfRemoval');
    expect(group.node(1).proposeChange(change('addLearner', 1))).toBe('selfRemoval');
    expect(group.node(1).proposeChange(change('remove', 2))).toBe('accepted');
    expect(group.node(1).proposeChange(change('addVoter', 3))).toBe('changePending');
    group.run();
    expect(group.node(1).conf.voters).toEqual([1]);
  });

  test('a newcomer begins with a snapshot, as the first members stand in no entry', () => {
    const group = new Group([1], {}, [2]);
    group.elect(1);
    group.node(1).proposeChange(change('addVoter', 2));
    group.run();
    expect(group.node(1).snapshotWanted).toBe(true);
    expect(group.node(2).lastIndex).toBe(0);
    group.log(1).createSnapshot(group.node(1).appliedIndex, group.confs.get(1)!);
    group.tick(1, 1);
    group.run();
    expect(group.node(2).conf.voters).toEqual([1, 2]);
    expect(group.node(1).snapshotWanted).toBe(false);
  });

  test('a snapshot from before a member was added is not sent to it', () => {
    const group = new Group([1], {}, [2]);
    group.elect(1);
    group.log(1).createSnapshot(1, group.confs.get(1)!);
    group.node(1).proposeChange(change('addVoter', 2));
    group.run();
    expect(group.node(1).progressOf(2)!.state).toBe('probe');
    expect(group.node(1).snapshotWanted).toBe(true);
  });

  test('a change behind a restored snapshot is not made twice', () => {
    const group = new Group([1, 2, 3]);
    const message = emptyMessage('snapshot', 1, 3, 1);
    message.snapshot = { index: 9, term: 1, conf: { ...EMPTY_CONF, voters: [1, 3] } };
    group.node(3).step(message);
    // From an older item of the apply lane: the state there is of that index, not of the snapshot.
    const conf = group.node(3).applyChange(change('addLearner', 4), 5);
    expect(conf).toEqual({ ...EMPTY_CONF, voters: [1, 2, 3], learners: [4] });
    expect(group.node(3).conf.voters).toEqual([1, 3]);
    expect(group.node(3).conf.learners).toEqual([]);
  });

  test('a restart makes the changes since the configuration that was stored', () => {
    const group = new Group([1]);
    group.elect(1);
    group.node(1).proposeChange(change('addLearner', 5));
    group.run();
    const { conf, hard } = group.log(1).initialState();
    expect(conf.learners).toEqual([]);
    jest.spyOn(group.log(1), 'initialState').mockReturnValue({ conf, hard, confIndex: 0 });
    group.start(1, group.node(1).appliedIndex);
    expect(group.node(1).conf.learners).toEqual([5]);
  });

  test('a learner never campaigns, however long it waits', () => {
    const group = new Group([1, 2], {}, [3]);
    group.elect(1);
    group.node(1).proposeChange(change('addLearner', 3));
    group.run();
    group.log(1).createSnapshot(group.node(1).appliedIndex, group.confs.get(1)!);
    group.tick(1, 1);
    group.run();
    expect(group.node(3).conf.learners).toEqual([3]);
    group.tick(3, 100);
    expect(group.node(3).role).toBe('follower');
  });
});

describe('snapshots', () => {
  function lagging(): Group {
    const group = new Group([1, 2, 3]);
    group.elect(1);
    group.cut.add(3);
    group.node(1).propose([bytes('a')]);
    group.run();
    group.log(1).createSnapshot(2, group.confs.get(1)!);
    group.log(1).compact(2);
    group.cut.clear();
    group.tick(1, 1);
    group.drain(1);
    return group;
  }

  test('catch a follower up that the log no longer reaches', () => {
    const group = lagging();
    group.run();
    expect(group.node(3).commitIndex).toBe(2);
    expect(group.node(1).progressOf(3)!.state).toBe('replicate');
  });

  test('that were lost are sent again once that is reported', () => {
    const group = lagging();
    const lose = (): void => {
      group.inbox = group.inbox.filter(({ type }) => type !== 'snapshot');
    };
    for (let i = 0; i < 6; i++) {
      for (const id of [1, 2, 3]) group.drain(id);
      const batch = group.inbox.filter(({ type }) => type !== 'snapshot');
      group.inbox = [];
      for (const message of batch) group.node(message.to).step(message);
      lose();
    }
    expect(group.node(1).progressOf(3)!.state).toBe('snapshot');
    group.node(1).reportSnapshot(3, false);
    expect(group.node(1).progressOf(3)!.nextIndex).toBe(2);
    group.tick(1, 1);
    group.run();
    expect(group.node(3).commitIndex).toBe(2);
  });

  test('newer than the synced commit index do not stop a restart', () => {
    const group = lagging();
    group.log(1).setHardState({ term: 1, vote: 1, commit: 0 });
    group.start(1, 2);
    expect(group.node(1).commitIndex).toBe(2);
  });
});

describe('leader transfer', () => {
  test('hands over at once to a voter that is up to date', () => {
    const group = new Group([1, 2, 3]);
    group.elect(1);
    expect(group.node(3).transferLeader(2)).toBe('forwarded');
    group.run();
    expect(group.node(2).role).toBe('leader');
    expect(group.node(1).transferLeader(9)).toBe('forwarded');
    expect(group.node(2).transferLeader(9)).toBe('notVoter');
  });

  test('refuses proposals, catches a laggard up first, and gives up after a timeout', () => {
    const group = new Group([1, 2, 3]);
    group.elect(1);
    group.cut.add(3);
    group.node(1).propose([bytes('a')]);
    group.run();
    group.node(1).transferLeader(3);
    group.drain(1);
    expect(group.inbox.some(({ type }) => type === 'timeoutNow')).toBe(false);
    expect(group.node(1).propose([bytes('b')])).toBe('transferring');
    group.tick(1, 10);
    expect(group.node(1).propose([bytes('b')])).toBe('accepted');
  });
});
