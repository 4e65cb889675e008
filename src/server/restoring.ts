/**
 * Makes the data directory of an initial member of a new cluster out of a saved snapshot.
 *
 * Every initial member is restored from the same file with the same list of members, and so gets
 * the same state at the same index: the log of each begins right behind it, in term 1. Keys,
 * revisions and leases are as they were; members, removed ids and alarms are not, since this is
 * another cluster. Nothing counts before the identity is written, which comes last.
 */
import { existsSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { StateMachine } from '../kv';
import { FileDisk } from '../storage/fileDisk';
import { LogStore } from '../storage/logStore';
import { SnapshotStore } from '../storage/snapshotStore';
import type { SnapshotMetadata } from '../raft/types';
import { ConfigError, type ClusterConfig } from './clusterConfig';
import { openDataDirectory, type DataDirectory } from './dataDirectory';
import type { Logger } from './logger';
import { initialMembers } from './memberParts';
import { openMemberState } from './memberState';
import { fillState } from './recovery';
import { SavedSnapshotFile, type SavedHead } from './savedSnapshot';

export interface Restored {
  readonly head: SavedHead;
  readonly keys: number;
  readonly revision: number;
}

const CHUNK_BYTES = 1024 * 1024;
const FIRST_TERM = 1;

/** Throws SavedSnapshotError or DamagedBytes for a bad file, ConfigError for a bad directory. */
export async function restoreMember(
  file: string,
  dataDir: string,
  cluster: ClusterConfig,
  logger: Logger,
): Promise<Restored> {
  if (existsSync(dataDir) && readdirSync(dataDir).length > 0) {
    throw new ConfigError(`--data-dir ${dataDir} exists and is not empty`);
  }
  const saved = SavedSnapshotFile.open(file);
  try {
    const { self, token, clusterId } = cluster;
    const directory = openDataDirectory(dataDir, { name: self.name, token });
    try {
      const restored = await restoreStores(saved, directory, cluster, logger);
      const identity = { clusterId, memberId: self.id, name: self.name, token };
      directory.writeIdentity({ ...identity, joined: false, removed: false });
      return restored;
    } catch (error) {
      rmSync(join(dataDir, 'member'), { recursive: true, force: true });
      throw error;
    } finally {
      directory.release();
    }
  } finally {
    saved.close();
  }
}

async function restoreStores(
  saved: SavedSnapshotFile,
  directory: DataDirectory,
  cluster: ClusterConfig,
  logger: Logger,
): Promise<Restored> {
  let failure: Error | undefined;
  const state = await openMemberState(directory.state, 'lmdb', logger, (error) => {
    failure = error;
  });
  try {
    const { machine } = state;
    fillState(machine, saved);
    machine.resetCluster(initialMembers(cluster));
    const voters = cluster.members.map(({ id }) => id).sort((a, b) => a - b);
    const none = { learners: [], votersOutgoing: [], learnersNext: [], autoLeave: false };
    const conf = { voters, ...none };
    const metadata = { index: machine.appliedIndex, term: FIRST_TERM, conf };
    await storeSnapshot(machine, directory.snapshots, metadata);
    await beginLog(directory.wal, metadata);
    if (failure !== undefined) throw failure;
    return { head: saved.head, keys: machine.keyCount, revision: machine.revision };
  } finally {
    await state.close();
  }
}

/** The snapshot that a member with its state in memory starts from. */
async function storeSnapshot(
  machine: StateMachine,
  path: string,
  metadata: SnapshotMetadata,
): Promise<void> {
  const store = SnapshotStore.open(new FileDisk(), path);
  const source = machine.snapshot();
  try {
    const writer = store.create(metadata);
    for (const chunk of source.chunks(CHUNK_BYTES)) writer.append(chunk);
    await settled((done) => writer.commit(done));
  } finally {
    source.release();
    store.close();
  }
}

async function beginLog(path: string, snapshot: SnapshotMetadata): Promise<void> {
  const log = LogStore.open(new FileDisk(), path);
  try {
    log.append({ hard: { term: FIRST_TERM, vote: 0, commit: snapshot.index }, snapshot });
    await settled((done) => log.sync(done));
  } finally {
    log.close();
  }
}

function settled(start: (done: (error: Error | undefined) => void) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    start((error) => {
      if (error === undefined) resolve();
      else reject(error);
    });
  });
}
