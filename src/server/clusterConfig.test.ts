/** The notation of `--initial-cluster`, its errors, and ids that all members agree on. */
import { ConfigError, newMemberId, parseCluster, parseUrl } from './clusterConfig';

const LIST = 'n1=http://127.0.0.1:1,n2=http://127.0.0.1:2,n3=http://127.0.0.1:3';

describe('a cluster configuration', () => {
  it('gives every member the same ids, whoever computes them', () => {
    const seen = ['n1', 'n2', 'n3'].map((name) => parseCluster(name, LIST, 'token'));
    const ids = seen.map((config) => config.members.map((member) => member.id));
    expect(ids[1]).toEqual(ids[0]);
    expect(ids[2]).toEqual(ids[0]);
    expect(new Set(seen.map((config) => config.clusterId)).size).toBe(1);
    expect(new Set(seen.map((config) => config.self.id)).size).toBe(3);
    expect(ids[0]!.every((id) => Number.isSafeInteger(id) && id > 0)).toBe(true);
  });

  it('does not depend on the order of the list', () => {
    const turned = LIST.split(',').reverse().join(',');
    expect(parseCluster('n1', turned, 't')).toEqual(parseCluster('n1', LIST, 't'));
  });

  it('takes several URLs of a member, in any order and place', () => {
    const list = 'n1=http://b:1,n2=http://c:1,n1=http://a:1';
    const { self, members } = parseCluster('n1', list, 't');
    expect(self).toMatchObject({ name: 'n1', peerUrls: ['http://a:1', 'http://b:1'] });
    expect(members).toHaveLength(2);
    const turned = list.split(',').reverse().join(',');
    expect(parseCluster('n1', turned, 't')).toEqual(parseCluster('n1', list, 't'));
  });

  it('is another cluster under another token', () => {
    const [a, b] = ['t1', 't2'].map((token) => parseCluster('n1', LIST, token));
    expect(a!.clusterId).not.toBe(b!.clusterId);
  });

  it.each([
    ['n1', 'n1', '"n1" is not name=http://host:port'],
    ['n4', LIST, '--name "n4" is not in --initial-cluster (n'],
    ['n1', 'n1=http://h:1,n1=http://h:1', 'has the peer URL http://h:1 twice'],
    ['n1', 'n1=http://h:1,n2=http://h:1', 'has the peer URL http://h:1 twice'],
    ['n1', 'n1=h:1', 'only http:// and https:// are served'],
    ['n1', 'n1=unix://h:1', 'uses unix:// (only http:// and https:// are served)'],
    ['n1', 'n1=http://h:1/x', 'has more than a host and a port'],
    ['n1', 'n1=http://h', '"http://h" has no port'],
    ['n1', 'n1=://', '"://" is not a URL'],
  ])('refuses %s in %s with the reason', (name, list, reason) => {
    const parse = (): unknown => parseCluster(name, list, 'token');
    expect(parse).toThrow(ConfigError);
    expect(parse).toThrow(reason);
  });

  it('reads IPv6 addresses', () => {
    expect(parseUrl('--x', 'http://[::1]:2379')).toEqual({
      host: '::1',
      port: 2379,
      tls: false,
    });
  });

  it('reads https, also on the port that is usual for it', () => {
    expect(parseUrl('--x', 'https://h:443')).toEqual({ host: 'h', port: 443, tls: true });
    expect(() => parseUrl('--x', 'https://h')).toThrow('has no port');
  });

  it('gives a place that is taken again a new id', () => {
    const [first, again] = [1, 2].map((nowMs) => newMemberId(7, ['http://h:1'], nowMs));
    expect(first).not.toBe(again);
    expect(newMemberId(7, ['http://a:1', 'http://b:1'], 1)).toBe(
      newMemberId(7, ['http://b:1', 'http://a:1'], 1),
    );
  });
});
