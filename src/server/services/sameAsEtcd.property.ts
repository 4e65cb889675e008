/**
 * A member answers as a real etcd does: random requests of the KV, Lease and Maintenance services
 * go to both, and the responses must be equal field by field, refusals in code and text.
 */
import * as fc from 'fast-check';
import { etcdVersion } from '../../client/testing/etcdProcess';
import { withProgram } from '../../client/testing/withProgram';
import { EtcdPair } from './testing/etcdPair';
import { request, type Relative } from './testing/etcdRequests';
import { mutation, type Mutation } from './testing/wireMutations';

interface Sent {
  readonly make: Relative;
  readonly mutations: readonly Mutation[];
}

const withEtcd = withProgram(describe, 'etcd', ['--version']);

withEtcd(`a member and etcd ${etcdVersion()}`, () => {
  let pair: EtcdPair | undefined;

  afterAll(() => pair?.close());

  /** Both answer the same to all of these, in order. */
  async function compareAll(requests: readonly Sent[]): Promise<void> {
    pair ??= await EtcdPair.start();
    try {
      await pair.reset();
      for (const { make, mutations } of requests) await pair.compare(make, mutations);
    } catch (error) {
      // From here on their states may differ: the next run, shrunk, begins anew.
      await pair.close();
      pair = undefined;
      throw error;
    }
  }

  const numRuns = Number(process.env['SAME_AS_ETCD_RUNS'] ?? 60);

  test('answer the same to the same requests', async () => {
    const sent = request.map((make) => ({ make, mutations: [] }));
    const requests = fc.array(sent, { minLength: 1, maxLength: 30 });
    await fc.assert(fc.asyncProperty(requests, compareAll), { numRuns });
  });

  test('read the same in bytes that their own encoders would not write', async () => {
    const mutations = fc.array(mutation, { maxLength: 2 });
    const sent = fc.record({ make: request, mutations });
    const requests = fc.array(sent, { minLength: 1, maxLength: 30 });
    await fc.assert(fc.asyncProperty(requests, compareAll), { numRuns });
  });
});
