/**
 * What a real member is made of, put together on its data directory: log, snapshots, state,
 * connections to the others, and the driver that ties them.
 *
 * A new data directory gets its identity here. The membership that the state knows is what the
 * transport follows: members that come are dialled, members that go are refused.
 */
import { WatchHub, type StateMachine, type ClusterState, type MemberRecord } from '../kv';
import { NodeRuntime } from '../runtime/nodeRuntime';
import type { Runtime } from '../runtime/runtime';
import { FileDisk } from '../storage/fileDisk';
import { LogStore } from '../storage/logStore';
import { SnapshotStore } from '../storage/snapshotStore';
import { TcpTransport } from '../transport/tcpTransport';
import { AttributesPublisher } from './attributesPublisher';
import { bootstrapLog, isNewLog } from './bootstrap';
import { ConfigError, type ClusterConfig } from './clusterConfig';
import { encodeHash, hashAnswer } from './peerHash';
import type { DataDirectory, Identity } from './dataDirectory';
import { Driver } from './driver';
import type { DriverHooks } from './driverParts';
import { addressOf, encodeDescription, initialIdentity, joiningIdentity } from './joining';
import type { Logger } from './logger';
import type { MemberConfig } from './member';
import { openMemberState, type MemberState } from './memberState';
import { MemberTelemetry } from './memberTelemetry';

/** Why a member came to an end by itself. */
export type MemberEnd = 'failed' | 'removed';

export interface MemberParts {
  readonly identity: Identity;
  readonly directory: DataDirectory;
  readonly log: LogStore;
  readonly snapshots: SnapshotStore;
  readonly state: MemberState;
  readonly runtime: Runtime;
  readonly transport: TcpTransport;
  readonly driver: Driver;
  readonly watches: WatchHub;
  readonly telemetry: MemberTelemetry;
  readonly publisher: AttributesPublisher;
  readonly logger: Logger;
  readonly ended: Promise<MemberEnd>;
}

export async function assemble(
  config: MemberConfig,
  directory: DataDirectory,
  logger: Logger,
): Promise<MemberParts> {
  const identity = await identityOf(config, directory);
  const disk = new FileDisk();
  const log = LogStore.open(disk, directory.wal);
  const snapshots = SnapshotStore.open(disk, directory.snapshots, {
    onDamage: (error) => logger.error('damaged snapshot', { error: error.message }),
  });
  try {
    const known = await beginLog(config, identity, log);
    // The state can fail before there is a driver to tell; then the start fails.
    let failed = (error: Error): void => logger.error('the state failed', { error: error.message });
    const backend = config.backend ?? 'lmdb';
    const tell = (error: Error): void => failed(error);
    const state = await openMemberState(directory.state, backend, logger, tell);
    const parts = connect(config, { identity, directory, log, snapshots, state, logger }, known);
    failed = (error) => parts.driver.fail(error);
    return parts;
  } catch (error) {
    log.close();
    snapshots.close();
    throw error;
  }
}

type Stores = Pick<
  MemberParts,
  'identity' | 'directory' | 'log' | 'snapshots' | 'state' | 'logger'
>;

/** The moving parts on the stores; `known` are the members as long as the state knows none. */
function connect(
  config: MemberConfig,
  stores: Stores,
  known: readonly MemberRecord[],
): MemberParts {
  const { identity, directory, log, snapshots, state, logger } = stores;
  const { machine } = state;
  const runtime = new NodeRuntime();
  const watches = new WatchHub(machine, { fragmentBytes: config.maxRequestBytes });
  const telemetry = new MemberTelemetry(() => runtime.wallMs());
  const end = endOnce(directory, identity, logger);
  const [listen, ...alsoListen] = config.peerListen;
  const transport = new TcpTransport({
    runtime,
    clusterId: String(identity.clusterId),
    id: identity.memberId,
    listen: listen!,
    alsoListen,
    tls: config.peerTls,
    peers: known.flatMap((member) => addressOf(member) ?? []),
    answerQuery: (query) =>
      query.kind === 'hashKv'
        ? encodeHash(hashAnswer(machine, query.revision))
        : encodeDescription({
            clusterId: identity.clusterId,
            members: machine.cluster.members,
          }),
    onRemoved: () => end.removed(),
    log: (level, text) => logger[level](text),
  });
  const parts = { machine, watches, telemetry, transport, logger, end };
  const driver: Driver = new Driver({
    options: { ...config.driver, id: identity.memberId },
    log,
    snapshots,
    machine,
    transport,
    runtime,
    hooks: hooksOf(parts, () => publisher.check()),
  });
  const { name, memberId: id } = identity;
  const own = { id, name, clientUrls: config.clientUrls };
  const publisher = new AttributesPublisher(driver, runtime, own);
  followMembership(transport, machine.cluster);
  // What the newest snapshot brought back was applied by nobody.
  watches.restored();
  const { ended } = end;
  return { ...stores, runtime, transport, driver, watches, telemetry, publisher, ended };
}

async function identityOf(config: MemberConfig, directory: DataDirectory): Promise<Identity> {
  if (directory.identity !== undefined) return directory.identity;
  const { cluster, peerTls } = config;
  const identity = config.newCluster
    ? await initialIdentity(cluster, peerTls)
    : (await joiningIdentity(cluster, peerTls, true)).identity;
  directory.writeIdentity(identity);
  return identity;
}

/** Begins a new log. Returns whom to talk to as long as the state knows no members. */
async function beginLog(
  { cluster, peerTls }: MemberConfig,
  identity: Identity,
  log: LogStore,
): Promise<readonly MemberRecord[]> {
  if (!isNewLog(log)) return [];
  if (identity.joined) return (await joiningIdentity(cluster, peerTls, false)).members;
  if (cluster.clusterId !== identity.clusterId) {
    throw new ConfigError(
      `--initial-cluster makes cluster ${cluster.clusterId.toString(16)}, but this data ` +
        `directory was made for ${identity.clusterId.toString(16)}`,
    );
  }
  const members = initialMembers(cluster);
  await new Promise<void>((resolve, reject) => {
    bootstrapLog(log, members, (error) => {
      if (error === undefined) resolve();
      else reject(error);
    });
  });
  return members;
}

export function initialMembers({ members }: ClusterConfig): readonly MemberRecord[] {
  return members.map(({ id, name, peerUrls }) => ({
    id,
    name,
    peerUrls,
    clientUrls: [],
    isLearner: false,
  }));
}

/** Dials who is a member, and tells those that were removed. */
function followMembership(transport: TcpTransport, cluster: ClusterState): void {
  // A state without members is that of a joiner, which only knows those it has asked.
  if (cluster.members.length === 0) return;
  for (const id of cluster.removed) transport.removePeer(id);
  for (const member of cluster.members) {
    const address = addressOf(member);
    if (address !== undefined) transport.setPeer(address);
  }
}

interface Ends {
  readonly ended: Promise<MemberEnd>;
  failed(error: unknown): void;
  removed(): void;
}

/** The first end is the one that counts. A removed member never starts again. */
function endOnce(directory: DataDirectory, identity: Identity, logger: Logger): Ends {
  let settle: (end: MemberEnd) => void = () => undefined;
  const ended = new Promise<MemberEnd>((resolve) => (settle = resolve));
  let isOver = false;
  const end = (why: MemberEnd, tell: () => void): void => {
    if (isOver) return;
    isOver = true;
    tell();
    settle(why);
  };
  return {
    ended,
    failed: (error) =>
      end('failed', () => {
        const text = error instanceof Error ? error.message : String(error);
        logger.error('the member failed and stops', { error: text });
      }),
    removed: () =>
      end('removed', () => {
        directory.writeIdentity({ ...identity, removed: true });
        logger.error('this member was removed from the cluster, for good, and stops');
      }),
  };
}

interface HookParts {
  readonly machine: StateMachine;
  readonly watches: WatchHub;
  readonly telemetry: MemberTelemetry;
  readonly transport: TcpTransport;
  readonly logger: Logger;
  readonly end: Ends;
}

function hooksOf(parts: HookParts, publish: () => void): DriverHooks {
  const { machine, watches, telemetry, transport, logger, end } = parts;
  const nameOf = (id: number): string =>
    machine.cluster.members.find((member) => member.id === id)?.name ?? id.toString(16);
  return {
    leaderChanged: ({ leader, role }, term) => {
      telemetry.leaderChanged(leader);
      const name = leader === 0 ? 'none' : nameOf(leader);
      logger.info('leader changed', { leader: name, role, term });
      publish();
    },
    synced: (durationMs) => telemetry.synced(durationMs),
    applied: (_, outcome) => {
      if (outcome === undefined || outcome.events.length === 0) return;
      telemetry.applied(outcome.events);
      watches.publish(outcome.revision, outcome.events);
    },
    installed: (index) => {
      watches.restored();
      logger.info('installed a snapshot', { index });
    },
    membershipChanged: (cluster) => {
      followMembership(transport, cluster);
      publish();
    },
    removed: () => end.removed(),
    failed: (error) => end.failed(error),
  };
}
