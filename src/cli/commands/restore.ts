/**
 * `crucible restore`: makes the data directory of a member of a new cluster from a saved
 * snapshot, as `etcdctl snapshot restore` does for etcd.
 */
import { Command } from 'commander';
import { DamagedBytes } from '../../kv';
import { ConfigError, parseCluster } from '../../server/clusterConfig';
import { Logger } from '../../server/logger';
import { restoreMember } from '../../server/restoring';
import { SavedSnapshotError } from '../../server/savedSnapshot';
import { UsageError } from '../usageError';

interface RestoreOptions {
  readonly name: string;
  readonly dataDir?: string;
  readonly initialCluster?: string;
  readonly initialClusterToken: string;
  readonly initialAdvertisePeerUrls: string;
  readonly json?: boolean;
}

const EXAMPLE = `
Each member of the new cluster is restored from the same file, then started as usual:

  etcdctl --endpoints 127.0.0.1:2379 snapshot save backup.snap
  PEERS=n1=http://127.0.0.1:12380,n2=http://127.0.0.1:22380,n3=http://127.0.0.1:32380
  crucible restore backup.snap --name n1 --initial-cluster $PEERS
  crucible serve --name n1 --initial-cluster $PEERS \\
    --listen-peer-urls http://127.0.0.1:12380 --listen-client-urls http://127.0.0.1:12379`;

export function restoreCommand(): Command {
  return new Command('restore')
    .description('make the data directory of a new cluster from a saved snapshot')
    .argument('<snapshot>', 'what `etcdctl snapshot save` fetched from a reference member')
    .option('--name <name>', 'name of the member', 'default')
    .option('--data-dir <dir>', 'must not exist or be empty (default: "<name>.crucible")')
    .option('--initial-cluster <list>', 'name=peerUrl,... (default: this member alone)')
    .option('--initial-cluster-token <token>', 'tells clusters apart', 'crucible-cluster')
    .option(
      '--initial-advertise-peer-urls <url>',
      'this member as others reach it',
      'http://127.0.0.1:2380',
    )
    .option('--json', 'print the result as JSON')
    .addHelpText('after', EXAMPLE)
    .action(restore);
}

async function restore(snapshot: string, options: RestoreOptions): Promise<void> {
  const { name, initialAdvertisePeerUrls, initialClusterToken, json = false } = options;
  const dataDir = options.dataDir ?? `${name}.crucible`;
  const logger = new Logger(
    'warn',
    (line) => process.stderr.write(line),
    () => Date.now(),
  );
  try {
    const list = options.initialCluster ?? `${name}=${initialAdvertisePeerUrls}`;
    const cluster = parseCluster(name, list, initialClusterToken);
    const { head, keys, revision } = await restoreMember(snapshot, dataDir, cluster, logger);
    const result = { dataDir, keys, revision, index: head.index, from: head.clusterId };
    const text = `${dataDir}: ${keys} keys at revision ${revision}, from cluster ${head.clusterId}`;
    process.stdout.write(`${json ? JSON.stringify(result) : text}\n`);
  } catch (error) {
    if (error instanceof ConfigError || error instanceof SavedSnapshotError) {
      throw new UsageError(error.message);
    }
    if (error instanceof DamagedBytes) throw new UsageError(`${snapshot}: ${error.message}`);
    throw error;
  }
}
