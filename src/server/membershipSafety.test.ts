/** Which changes of the membership are wise: a table of clusters, requests and etcd's answers. */
import type { MemberRecord } from '../kv';
import { addRefusal, promoteRefusal, removeRefusal, type MembershipView } from './membershipSafety';

/**
 * One character a member, the first being the one that is asked:
 * v connected long enough, n connected just now, d down, u never started (and not connected),
 * l a learner that is up, x a learner that never started.
 */
function viewOf(members: string): MembershipView {
  const kinds = [...members];
  return {
    self: 1,
    members: kinds.map((kind, i): MemberRecord => ({
      id: i + 1,
      name: 'ux'.includes(kind) ? '' : `n${i + 1}`,
      peerUrls: [`http://n${i + 1}:1`],
      clientUrls: [],
      isLearner: 'lx'.includes(kind),
    })),
    connectedForMs: (id) => {
      const kind = kinds[id - 1]!;
      return 'vl'.includes(kind) ? 10_000 : kind === 'n' ? 4_999 : undefined;
    },
    healthyAfterMs: 5_000,
  };
}

const UNHEALTHY = 'etcdserver: unhealthy cluster';
const NOT_STARTED = 'etcdserver: re-configuration failed due to not enough started members';

describe('another voter', () => {
  it.each([
    ['v', undefined],
    ['vv', undefined],
    ['vvv', undefined],
    ['vvl', undefined],
    // A learner does not count, whatever becomes of it.
    ['vvx', undefined],
    ['vvn', UNHEALTHY],
    ['vvd', UNHEALTHY],
    ['vd', UNHEALTHY],
    // One has been added to a single member and never started: two of three would be missing.
    ['vu', NOT_STARTED],
    ['vvu', NOT_STARTED],
    ['vvuu', NOT_STARTED],
  ])('in a cluster %s', (members, text) => {
    expect(addRefusal(viewOf(members), false)?.message).toBe(text);
  });
});

describe('another learner', () => {
  it.each([
    ['v', undefined],
    ['vvv', undefined],
    ['vvd', UNHEALTHY],
    ['vvn', UNHEALTHY],
    ['vu', UNHEALTHY],
  ])('in a cluster %s', (members, text) => {
    expect(addRefusal(viewOf(members), true)?.message).toBe(text);
  });
});

describe('a learner that becomes a voter', () => {
  it.each([
    ['vl', undefined],
    ['vvvl', undefined],
    // Whether it has caught up is asked elsewhere; here it counts as started.
    ['vvdl', undefined],
    ['vul', undefined],
    ['vuul', NOT_STARTED],
  ])('in a cluster %s', (members, text) => {
    expect(promoteRefusal(viewOf(members))?.message).toBe(text);
  });
});

describe('a removal', () => {
  it.each([
    ['vvv', 3, undefined],
    ['vvv', 1, undefined],
    ['vvd', 3, undefined],
    ['vvu', 3, undefined],
    ['vvd', 2, UNHEALTHY],
    ['vvd', 1, UNHEALTHY],
    ['vvn', 2, UNHEALTHY],
    ['vv', 2, undefined],
    ['vd', 2, undefined],
    ['v', 1, NOT_STARTED],
    ['vu', 1, NOT_STARTED],
    ['vu', 2, undefined],
    // A learner can always go.
    ['vvdl', 4, undefined],
    ['vdx', 3, undefined],
    // An unknown one is refused when the change is applied.
    ['vvv', 9, undefined],
  ])('in a cluster %s, of member %d', (members, id, text) => {
    expect(removeRefusal(viewOf(members), id)?.message).toBe(text);
  });
});
