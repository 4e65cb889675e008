/**
 * What changes of the membership are refused with: the same requests to a real etcd and to the
 * reference, the same answers.
 */
import type { Member as WireMember } from '../../src/api';
import { ClusterService } from '../../src/api';
import { EtcdClient, type Outcome } from '../../src/client';
import type { RunningCluster } from '../target';
import { etcdProcess } from '../targets/etcdProcess';
import { referenceProcess } from '../targets/referenceProcess';
import { describeWithEtcd, quickTimings } from '../testing';

type Changed = Outcome<{ readonly members: readonly WireMember[] }>;

/** Asks one member, and notes what it says without what differs from cluster to cluster. */
class Session {
  readonly answers: string[] = [];
  private readonly client: EtcdClient;
  private known: readonly WireMember[] = [];

  constructor(cluster: RunningCluster) {
    const [first] = cluster.members();
    this.client = new EtcdClient({ endpoints: [first!.clientUrl], timeoutMs: 20_000 });
  }

  close(): void {
    this.client.close();
  }

  /** Until all members are known by name: from then on the first one knows whom it talks to. */
  async started(count: number): Promise<void> {
    for (;;) {
      const list = await this.client.call(ClusterService.memberList, { linearizable: true });
      if (list.type !== 'ok') continue;
      this.known = list.value.members;
      if (this.known.filter(({ name }) => name !== '').length === count) return;
    }
  }

  /** The id of a member by its name, or of the one without by its URL. */
  id(of: string): bigint {
    return this.known.find(({ name, peerURLs }) => name === of || peerURLs.includes(of))!.ID;
  }

  url(name: string): string {
    return this.known.find((member) => member.name === name)!.peerURLs[0]!;
  }

  async add(title: string, isLearner: boolean, ...peerUrls: string[]): Promise<void> {
    await this.note(title, this.client.memberAdd({ peerUrls, isLearner }));
  }

  async promote(title: string, ID: bigint): Promise<void> {
    await this.note(title, this.client.call(ClusterService.memberPromote, { ID }));
  }

  async remove(title: string, id: bigint): Promise<void> {
    await this.note(title, this.client.memberRemove(id));
  }

  async update(title: string, ID: bigint, ...peerURLs: string[]): Promise<void> {
    await this.note(title, this.client.call(ClusterService.memberUpdate, { ID, peerURLs }));
  }

  private async note(title: string, change: Promise<Changed>): Promise<void> {
    const outcome = await change;
    if (outcome.type !== 'ok') {
      this.answers.push(`${title}: ${outcome.code}: ${outcome.error}`);
      return;
    }
    this.known = outcome.value.members;
    const kinds = this.known.map(
      ({ name, isLearner }) =>
        `${name === '' ? 'new' : 'started'} ${isLearner ? 'learner' : 'voter'}`,
    );
    this.answers.push(`${title}: ok, ${kinds.sort().join(', ')}`);
  }
}

const A = 'http://127.0.0.1:11';
const B = 'http://127.0.0.1:12';

async function alone(session: Session): Promise<void> {
  await session.started(1);
  const self = session.id('m1');
  const url = session.url('m1');
  await session.add('add without URLs', false);
  await session.add('add what is no URL', false, 'not a url');
  await session.add('add another scheme', false, 'ftp://127.0.0.1:1');
  await session.add('add the own peer URL', false, url);
  await session.add('add a learner with the own peer URL', true, url);
  await session.remove('remove an unknown member', 7n);
  await session.update('update an unknown member', 7n, A);
  await session.promote('promote an unknown member', 7n);
  await session.promote('promote a voter', self);
  await session.remove('remove the only member', self);
  await session.update('update with the same URL', self, url);
  await session.add('add a learner', true, A);
  await session.add('add a second learner', true, B);
  // With it alone etcd makes the same id again when it is still the same second.
  await session.add('add the URL of the learner', false, A, B);
  await session.update('update to the URL of the learner', self, A);
  const learner = session.id(A);
  await session.promote('promote one that has not started', learner);
  await session.remove('remove the only voter', self);
  await session.remove('remove the learner', learner);
  await session.remove('remove the learner again', learner);
  await session.promote('promote the removed one', learner);
  await session.update('update the removed one', learner, B);
  await session.add('add a voter to a single member', false, B);
  await session.add('add another while it has not started', false, A);
  await session.add('add a learner while it has not started', true, A);
  await session.remove('remove the one that has', self);
}

async function ofThree(session: Session, cluster: RunningCluster): Promise<void> {
  await session.started(3);
  // The leader stays, and who is asked: etcd loses a change that comes during an election.
  const leader = (await cluster.leader())!;
  const down = ['m2', 'm3'].find((name) => name !== leader)!;
  const up = down === 'm2' ? 'm3' : 'm2';
  await cluster.kill(down);
  await session.add('add a voter while one is down', false, A);
  await session.add('add a learner while one is down', true, A);
  await session.remove('remove one that is needed', session.id(up));
  await session.remove('remove the one that is asked', session.id('m1'));
  await session.remove('remove the one that is down', session.id(down));
}

describeWithEtcd('changes of the membership are refused as by etcd', () => {
  it.each([
    ['by a member alone', 1, alone],
    ['by three members of which one is down', 3, ofThree],
  ] as const)(
    '%s',
    async (_, memberCount, play) => {
      const options = { ...quickTimings, memberCount };
      const played = await Promise.all(
        [etcdProcess(options), referenceProcess(options)].map(async (target) => {
          const cluster = await target.start();
          const session = new Session(cluster);
          try {
            await play(session, cluster);
            return session.answers;
          } finally {
            session.close();
            await cluster[Symbol.asyncDispose]();
          }
        }),
      );
      const [etcd, reference] = played;
      expect(etcd!.filter((answer) => !answer.includes(': ok, ')).length).toBeGreaterThan(3);
      expect(reference).toEqual(etcd);
    },
    60_000,
  );
});
