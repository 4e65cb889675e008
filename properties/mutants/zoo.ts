/**
 * The zoo: known ways to break a Raft store, each a bug that somebody really shipped.
 *
 * Two of them can not show in this core as it stands, because its first append to a member always
 * carries an entry: they come with the empty probe that other cores send (control B3 shows that
 * the probe alone breaks nothing).
 */
import type { BenignMutant, Edit, Mutant } from './mutant';

const EMPTY_PROBE: Edit = {
  file: 'src/raft/replication.ts',
  find: "const windowFull = progress.state === 'replicate' && progress.inflights.full;",
  replace: "const windowFull = progress.state === 'probe' || progress.inflights.full;",
};

export const ZOO: readonly Mutant[] = [
  {
    id: 'E1',
    title: 'a leader commits entries of earlier terms by counting',
    source: 'Raft paper, figure 8; logcabin#44; PySyncObj#169',
    edits: [
      {
        file: 'src/raft/replication.ts',
        find: 'if (index <= raft.log.committed || index < raft.termStart) return false;',
        replace: 'if (index <= raft.log.committed) return false;',
      },
    ],
    expectedKillers: ['leaderCompleteness', 'commitAgreement', 'stateMachineSafety', 'noFailure'],
    // Measured: 4 of 1,000 seeds.
    needs: 'two leader crashes with partial replication in between',
    seedsMax: 1_200,
    quickSeed: 286,
    swarm: { profile: 'hunter' },
  },
  {
    id: 'E2a',
    title: 'a vote is answered before it is on disk',
    source: 'Raft paper, section 5; raft-java#57',
    edits: [
      {
        file: 'src/raft/election.ts',
        find: '    response.reject = true;\n  }\n  raft.afterPersist.push(response);',
        replace: '    response.reject = true;\n  }\n  raft.send.push(response);',
      },
    ],
    expectedKillers: ['durablePromises', 'electionSafety'],
    needs: 'an election',
    seedsMax: 10,
  },
  {
    id: 'E2b',
    title: 'term and vote are written and never synced',
    source: 'raft-java#57',
    edits: [
      {
        file: 'src/raft/node.ts',
        find: 'const sync = voteChanged || entries.length > 0 || snapshot !== undefined;',
        replace: 'const sync = entries.length > 0 || snapshot !== undefined;',
      },
    ],
    expectedKillers: ['durablePromises', 'electionSafety'],
    needs: 'an election',
    seedsMax: 10,
  },
  {
    id: 'E9',
    title: 'half of the members are a quorum',
    source: 'CCF bug list (arXiv 2406.17455)',
    edits: [
      {
        file: 'src/raft/quorum.ts',
        find: 'const quorum = (voters.length >> 1) + 1;',
        replace: 'const quorum = (voters.length + 1) >> 1;',
      },
    ],
    expectedKillers: ['electionSafety', 'leaderCompleteness', 'commitAgreement', 'noFailure'],
    needs: 'an even number of members and a partition into halves',
    seedsMax: 200,
    swarm: { members: 4 },
  },
  {
    id: 'E11',
    title: 'the longer log counts as newer, whatever its last term',
    source: 'Raft paper, section 5.4.1',
    edits: [
      {
        file: 'src/raft/log.ts',
        find: 'return term > own || (term === own && index >= this.last);',
        replace: 'return term >= own - own && index >= this.last;',
      },
    ],
    expectedKillers: [
      'leaderCompleteness',
      'commitAgreement',
      'stateMachineSafety',
      'linearizability',
      'liveness',
      'noFailure',
    ],
    needs: 'a longer log of an older term',
    seedsMax: 300,
  },
  {
    id: 'R1',
    title: 'a follower cuts its log at every append',
    source: 'openraft 9540c904; CCF#5991; RaftOS#26',
    edits: [{ file: 'src/raft/log.ts', find: 'if (own === entry.term) continue;', replace: '' }],
    expectedKillers: ['durableQuorum', 'leaderCompleteness', 'commitAgreement', 'noFailure'],
    needs: 'an append that is overtaken by a longer one',
    seedsMax: 100,
  },
  {
    id: 'R2',
    title: 'a follower acknowledges the end of its log',
    source: 'CCF#6001',
    edits: [
      EMPTY_PROBE,
      {
        file: 'src/raft/follower.ts',
        find: 'raft.acknowledge(message.from, last);',
        replace: 'raft.acknowledge(message.from, log.lastIndex);',
      },
    ],
    expectedKillers: ['durableQuorum', 'leaderCompleteness', 'commitAgreement', 'noFailure'],
    needs: 'a divergent tail behind what the leader sent',
    seedsMax: 200,
  },
  {
    id: 'R3',
    title: 'a follower commits up to the end of its log',
    source: 'Raft paper, figure 2',
    edits: [
      EMPTY_PROBE,
      {
        file: 'src/raft/follower.ts',
        find: 'log.commitTo(Math.min(message.commit, last));',
        replace: 'log.commitTo(Math.min(message.commit, log.lastIndex));',
      },
    ],
    expectedKillers: ['commitAgreement', 'stateMachineSafety', 'noFailure'],
    needs: 'a divergent tail behind what the leader sent',
    seedsMax: 400,
  },
  {
    id: 'R8',
    title: 'an append is accepted whatever the term in front of it',
    source: 'Raft paper, section 5.3',
    edits: [
      {
        file: 'src/raft/log.ts',
        find: 'if (!this.matches(prevIndex, prevTerm)) return undefined;',
        replace: 'if (this.term(prevIndex) === undefined) return undefined;',
      },
    ],
    expectedKillers: ['logMatching', 'commitAgreement', 'durableQuorum', 'noFailure'],
    needs: 'logs of two leaders',
    seedsMax: 100,
  },
  {
    id: 'D1a',
    title: 'the log is acknowledged before it is synced',
    source: 'Jepsen NATS 2.12.1',
    edits: [
      { file: 'src/server/persistLane.ts', find: 'if (!sync) {', replace: 'if (sync || !sync) {' },
    ],
    expectedKillers: ['durablePromises', 'durableQuorum'],
    needs: 'any write',
    seedsMax: 10,
  },
  {
    id: 'D1b',
    title: 'after the first segment the wrong file is synced',
    source: 'FAST 2017: Redundancy does not imply fault tolerance',
    edits: [
      {
        file: 'src/storage/syncQueue.ts',
        find: '    const segment = this.current();',
        replace:
          '    const memory = this as unknown as { first?: Segment };\n' +
          '    const segment = (memory.first ??= this.current());',
      },
    ],
    expectedKillers: ['durablePromises', 'leaderCompleteness', 'noFailure', 'commitAgreement'],
    needs: 'a power failure in a later segment of the log',
    seedsMax: 400,
  },
  {
    id: 'L1',
    title: 'the leader answers reads without asking a quorum',
    source: 'etcd 0.4.1 (Jepsen 2014)',
    edits: [
      {
        file: 'src/raft/reads.ts',
        find: '  if (leaseHolds(raft)) {',
        replace: '  if (leaseHolds(raft) || raft.committedInTerm) {',
      },
    ],
    expectedKillers: ['linearizability'],
    needs: 'a deposed leader that does not know it, and newer writes',
    seedsMax: 400,
  },
  {
    id: 'L4',
    title: 'a confirmed read does not wait for the state machine',
    source: 'Raft thesis, section 6.4',
    edits: [
      {
        file: 'src/server/readBarriers.ts',
        find: 'if (group.index > index) later.push(group);',
        replace: 'if (group.index > index + 1_000_000) later.push(group);',
      },
    ],
    expectedKillers: ['linearizability'],
    needs: 'a read at a member that lags behind',
    seedsMax: 50,
  },
];

/** Controls: they change what members do, and none of what they promise. */
export const BENIGN: readonly BenignMutant[] = [
  {
    id: 'B1',
    title: 'every append is acknowledged twice',
    edits: [
      {
        file: 'src/raft/follower.ts',
        find: '    raft.acknowledge(message.from, last);',
        replace:
          '    raft.acknowledge(message.from, last);\n    raft.acknowledge(message.from, last);',
      },
    ],
  },
  {
    id: 'B2',
    title: 'every answer to a heartbeat is followed by an append',
    edits: [
      {
        file: 'src/raft/replication.ts',
        find: "if (progress.matchIndex < raft.log.lastIndex || progress.state === 'probe') {",
        replace: 'if (progress.ackedRound >= 0) {',
      },
    ],
  },
  {
    id: 'B3',
    title: 'a leader asks with an empty append where a follower is',
    edits: [EMPTY_PROBE],
  },
];
