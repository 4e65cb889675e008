/**
 * Random runs of the core: safety in every state, and progress once the faults stop.
 *
 * A run is a list of moves; each is a kind and a number that chooses where. Kinds are weighted
 * so that elections finish and logs grow while messages are lost, doubled and overtaken and
 * nodes crash at any moment.
 */
import fc from 'fast-check';
import { Cluster, type ClusterOptions } from './cluster';

type Move = (cluster: Cluster, at: number) => void;

const BASE: readonly (readonly [weight: number, move: Move])[] = [
  [44, (cluster, at) => cluster.deliver(at)],
  [24, (cluster, at) => cluster.ready(at)],
  [24, (cluster, at) => cluster.persist(at)],
  [8, (cluster, at) => cluster.apply(at)],
  [5, (cluster, at) => cluster.tick(at)],
  [8, (cluster, at) => cluster.propose(at)],
  [4, (cluster, at) => cluster.read(at)],
  [3, (cluster, at) => cluster.duplicate(at)],
  [3, (cluster, at) => cluster.drop(at)],
  [1, (cluster, at) => cluster.campaign(at)],
  [2, (cluster, at) => cluster.compact(at)],
  [1, (cluster, at) => cluster.crash(at)],
  [1, (cluster, at) => cluster.transfer(at)],
];
const CHANGES: readonly (readonly [number, Move])[] = [[4, (cluster, at) => cluster.change(at)]];

function wheel(moves: readonly (readonly [number, Move])[]): readonly Move[] {
  return moves.flatMap(([weight, move]) => Array.from({ length: weight }, () => move));
}

const options = (changes: boolean): fc.Arbitrary<ClusterOptions> =>
  fc.record({
    voters: fc.constantFrom(1, 2, 3, 3, 5),
    spares: fc.constant(changes ? 2 : 0),
    preVote: fc.boolean(),
    checkQuorum: fc.boolean(),
    tiny: fc.boolean(),
    fromSnapshot: fc.boolean(),
  });

const moves = fc.array(fc.tuple(fc.nat(9999), fc.nat(9999)), {
  minLength: 500,
  maxLength: 2500,
  size: 'max',
});

function play(
  cluster: Cluster,
  wheelOfMoves: readonly Move[],
  run: readonly (readonly [number, number])[],
): void {
  run.forEach(([kind, at], step) => {
    wheelOfMoves[kind % wheelOfMoves.length]!(cluster, at);
    cluster.check();
    if (step % 50 === 0) cluster.checkLogs();
  });
  cluster.checkLogs();
}

describe('the core under loss, reordering, duplication and crashes', () => {
  test('is safe, and makes progress once the faults stop', () => {
    const steady = wheel(BASE);
    fc.assert(
      fc.property(options(false), moves, (drawn, run) => {
        const cluster = new Cluster(drawn);
        cluster.run(12);
        play(cluster, steady, run);
        // Elections without pre-vote may need several rounds.
        cluster.run(60);
        const leader = cluster.members.find(({ node }) => node.role === 'leader');
        expect(leader).toBeDefined();
        expect(leader!.node.propose([Uint8Array.of(1)])).toBe('accepted');
        cluster.run(10);
        const { commitIndex, lastIndex } = leader!.node;
        expect(commitIndex).toBe(lastIndex);
        for (const { applied } of cluster.members) expect(applied).toBe(lastIndex);
        cluster.checkLogs();
      }),
      { numRuns: 150 },
    );
  });

  test('is safe while members come and go', () => {
    const changing = wheel([...BASE, ...CHANGES]);
    fc.assert(
      fc.property(options(true), moves, (drawn, run) => {
        const cluster = new Cluster(drawn);
        // With a leader in office, so that changes are tried at all.
        cluster.run(12);
        play(cluster, changing, run);
        cluster.run(30);
        cluster.checkLogs();
      }),
      { numRuns: 150 },
    );
  });

  test('the runs reach what they are for: elections, commits, reads', () => {
    let elections = 0;
    let commits = 0;
    let reads = 0;
    const steady = wheel(BASE);
    fc.assert(
      fc.property(moves, (run) => {
        const cluster = new Cluster({
          voters: 3,
          spares: 0,
          preVote: true,
          checkQuorum: true,
          tiny: false,
          fromSnapshot: true,
        });
        cluster.run(12);
        play(cluster, steady, run);
        elections += cluster.oracle.elections;
        commits += cluster.oracle.chain.length;
        reads += cluster.oracle.reads;
      }),
      { numRuns: 50, seed: 1 },
    );
    expect(elections).toBeGreaterThan(60);
    expect(commits).toBeGreaterThan(300);
    expect(reads).toBeGreaterThan(100);
  });
});
