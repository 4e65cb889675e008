/**
 * A cluster of containers that take etcd's flags: the reference's image, etcd's, or any other by
 * its name.
 *
 * Each member lives in a pod (see containers/pod.ts) on a network of the cluster's own; its client
 * port is published under a number that stays the same when the member is killed and started.
 * Everything is labelled with the cluster and its runner. Four nets keep it from being left over:
 * disposal, the reaper that outlives a killed runner, the sweep at the next start, and labels by
 * which `docker ps --filter label=raft-crucible` shows what there is.
 */
import { randomUUID } from 'node:crypto';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

import {
  localEtcdImage,
  programOfImage,
  provideImage,
  providePodImage,
  referenceImage,
} from '../containers/images';
import { MemberContainer } from '../containers/memberContainer';
import { clientPort, Pod, PortTaken, type PodTools } from '../containers/pod';
import { connectContainerRuntime, type ContainerRuntime } from '../containers/runtime';
import { labelsOf, memberLabel, removeCluster, sweepDeadRunners } from '../containers/sweep';
import {
  TargetError,
  type Capability,
  type Cluster,
  type ClusterDescription,
  type RunningCluster,
} from '../target';
import { Reaper } from '../reaper';
import { assertMemberCount, etcdFlags, timingDefaults, untilReady } from './clusterStart';
import { RunningContainerCluster, type PlacedContainer } from './containerRunning';
import { containerAbilities } from './containerAbilities';
import { freePorts } from './freePorts';

export interface ContainerClusterOptions {
  /** Short name for reports. */
  readonly target: string;
  readonly image: string;
  /** What comes before etcd's flags. Default: what the image says, see `programOf`. */
  readonly program?: readonly string[];
  /** More flags for every member, e.g. `--snapshot-count 100`. Default none. */
  readonly argvExtra?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  /** Default 3. */
  readonly memberCount?: number;
  /** Where logs go. Default a temporary directory that is removed at the end. */
  readonly directory?: string;
  /** Default 100 ms, as etcd's. */
  readonly heartbeatMs?: number;
  /** Default 1000 ms, as etcd's. */
  readonly electionMs?: number;
  /** How long all members together may take to be ready. Default 60 000 ms. */
  readonly readyLimitMs?: number;
  /** Memory of each member's container in bytes. Default no limit. */
  readonly memoryBytesMax?: number;
  /** Whether links shall be cut; pods then ask for NET_ADMIN. Default true. */
  readonly partitions?: boolean;
  /** An image with a shell, sleep, and iptables or arp. Default ours, else a public busybox. */
  readonly podImage?: string;
}

/** What the shorthands below leave to choose. */
export type ContainerOptions = Omit<ContainerClusterOptions, 'target' | 'image'>;

const readyLimitMsDefault = 60_000;
/** Starts with new ports; losing five races in a row means something else is wrong. */
const startAttemptsMax = 5;
const peerPort = 2_380;
/** Any user can write below /tmp, whoever the image runs its program as. */
const dataDirectory = '/tmp/raft-crucible-data';

/** A cluster of containers; nothing is asked of the engine before it is started. */
export function containerCluster(options: ContainerClusterOptions): ContainerCluster {
  return new ContainerCluster(options);
}

/** A cluster of the reference's image, built by .ci/dockerImages. */
export function referenceContainers(options: ContainerOptions = {}): ContainerCluster {
  return new ContainerCluster({ ...options, target: 'reference', image: referenceImage });
}

/** A cluster of etcd's image, built by .ci/dockerImages from Debian's packages. */
export function etcdContainers(options: ContainerOptions = {}): ContainerCluster {
  return new ContainerCluster({ ...options, target: 'etcd', image: localEtcdImage });
}

/** A cluster of any image whose program takes etcd's flags, e.g. `quay.io/coreos/etcd:v3.6.0`. */
export function imageContainers(image: string, options: ContainerOptions = {}): ContainerCluster {
  return new ContainerCluster({ ...options, target: `image:${image}`, image });
}

export class ContainerCluster implements Cluster {
  readonly description: ClusterDescription;
  readonly capabilities: ReadonlySet<Capability>;
  readonly missing: ReadonlyMap<Capability, string>;

  constructor(
    private readonly options: ContainerClusterOptions,
    /** What a pod was found to be able to. */
    tools?: PodTools,
  ) {
    const { target, image, memberCount = 3 } = options;
    assertMemberCount(memberCount);
    this.description = { target, how: `containers of ${image}`, memberCount };
    const abilities = containerAbilities(options, tools);
    this.capabilities = abilities.capabilities;
    this.missing = abilities.missing;
  }

  /**
   * Asks the engine what it can do, by starting one pod: this cluster, or one that no longer
   * promises partitions where links cannot be cut.
   * @throws TargetError `notFound` when Docker does not answer or an image is missing.
   */
  async probe(signal?: AbortSignal): Promise<ContainerCluster> {
    const runtime = await connectContainerRuntime();
    await sweepDeadRunners(runtime.engine);
    await provideImage(runtime, this.options.image);
    if (!this.capabilities.has('partition')) return this;
    const podImage = await providePodImage(runtime, this.options.podImage);
    const id = randomUUID();
    const reaper = watch(id);
    try {
      const [pod] = await this.startPods({ runtime, podImage, signal }, id, 1);
      pod!.close();
      return new ContainerCluster(this.options, pod!.tools);
    } finally {
      await removeCluster(runtime.engine, id);
      await reaper.dismiss();
    }
  }

  async start(signal?: AbortSignal): Promise<RunningCluster> {
    const runtime = await connectContainerRuntime();
    await sweepDeadRunners(runtime.engine);
    await provideImage(runtime, this.options.image);
    const podImage = await providePodImage(runtime, this.options.podImage);
    const isTemporary = this.options.directory === undefined;
    const directory = isTemporary
      ? await mkdtemp(join(tmpdir(), 'crucible-containers-'))
      : resolve(this.options.directory);
    await mkdir(directory, { recursive: true });
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await this.attempt({ runtime, podImage, directory, isTemporary, signal });
      } catch (error) {
        if (error instanceof PortTaken && attempt < startAttemptsMax) continue;
        if (isTemporary) await rm(directory, { recursive: true, force: true });
        throw error;
      }
    }
  }

  /** One start with one choice of ports; leaves no container behind when it fails. */
  private async attempt(place: Place): Promise<RunningCluster> {
    const { runtime, directory, isTemporary, signal } = place;
    const id = randomUUID();
    const reaper = watch(id, isTemporary ? directory : undefined);
    let running: RunningContainerCluster | undefined;
    const remove = async (): Promise<void> => {
      await removeCluster(runtime.engine, id);
      await reaper.dismiss();
    };
    try {
      const pods = await this.startPods(place, id, this.description.memberCount);
      const members = await this.placeMembers(place, id, pods);
      running = new RunningContainerCluster({
        description: this.description,
        capabilities: containerAbilities(this.options, pods[0]?.tools).capabilities,
        members,
        cleanUp: async () => {
          await remove();
          if (isTemporary) await rm(directory, { recursive: true, force: true });
        },
      });
      throwIfAborted(signal);
      await running.startAll();
      const limitMs = this.options.readyLimitMs ?? readyLimitMsDefault;
      await untilReady(running, this.description, limitMs, signal);
      return running;
    } catch (error) {
      const report = running?.describeForError();
      running?.close();
      await remove();
      if (error instanceof PortTaken) throw error;
      if (signal?.aborted) throw new TargetError('aborted', 'aborted while the cluster started');
      if (error instanceof TargetError && error.code === 'notFound') throw error;
      const lines = [(error as Error).message, ...(report === undefined ? [] : [report])];
      throw new TargetError('notReady', lines.join('\n'), { cause: error });
    }
  }

  private async startPods(
    { runtime, podImage: image, signal }: PodPlace,
    id: string,
    count: number,
  ): Promise<readonly Pod[]> {
    const network = `raft-crucible-${id}`;
    const Labels = { ...labelsOf(id) };
    await runtime.client.network.create({ Name: network, Driver: 'bridge', Labels });
    throwIfAborted(signal);
    const ports = await freePorts(count);
    const partitions = this.capabilities.has('partition');
    const starts = ports.map((hostPort, i) => {
      const name = `m${i + 1}`;
      const labels = { ...labelsOf(id), [memberLabel]: name };
      return Pod.start(runtime, { name, image, network, hostPort, labels, partitions });
    });
    // All are awaited before one failure is reported, so that none is created after the removal.
    const settled = await Promise.allSettled(starts);
    return settled.map((outcome) => {
      if (outcome.status === 'fulfilled') return outcome.value;
      throw outcome.reason;
    });
  }

  private async placeMembers(
    { runtime, directory }: Place,
    id: string,
    pods: readonly Pod[],
  ): Promise<readonly PlacedContainer[]> {
    const { image, environment = {}, memoryBytesMax } = this.options;
    const program = this.options.program ?? (await programOfImage(runtime, image));
    const initialCluster = pods
      .map(({ name, address }) => `${name}=http://${address}:${peerPort}`)
      .join(',');
    const placed: PlacedContainer[] = [];
    for (const pod of pods) {
      const { name } = pod;
      const clientUrl = `http://${runtime.host}:${await publishedPort(pod)}`;
      const logFile = join(directory, `${name}.log`);
      const command = (initial: string, state: 'new' | 'existing'): readonly string[] => [
        ...program,
        ...this.flags(pod, clientUrl, initial, state, id),
      ];
      const unit = new MemberContainer(runtime, {
        ...{ name, image, environment, memoryBytesMax, pod, logFile },
        command: command(initialCluster, 'new'),
        labels: { ...labelsOf(id), [memberLabel]: name },
      });
      const peerUrl = `http://${pod.address}:${peerPort}`;
      const joinCommand = (initial: string): readonly string[] => command(initial, 'existing');
      placed.push({ name, clientUrl, peerUrl, logFile, pod, unit, joinCommand });
    }
    return placed;
  }

  private flags(
    { name, address }: Pod,
    clientUrl: string,
    initialCluster: string,
    state: 'new' | 'existing',
    token: string,
  ): readonly string[] {
    const { argvExtra, heartbeatMs, electionMs } = this.options;
    return etcdFlags({
      ...{ name, dataDirectory, initialCluster, state, token, more: argvExtra ?? [] },
      listenClient: `http://0.0.0.0:${clientPort}`,
      advertiseClient: clientUrl,
      listenPeer: `http://0.0.0.0:${peerPort}`,
      advertisePeer: `http://${address}:${peerPort}`,
      heartbeatMs: heartbeatMs ?? timingDefaults.heartbeatMs,
      electionMs: electionMs ?? timingDefaults.electionMs,
    });
  }
}

/** A reaper for a cluster; to be started before its first container is created. */
function watch(cluster: string, directory?: string): Reaper {
  const argv = directory === undefined ? [cluster] : [cluster, directory];
  return Reaper.start(join(__dirname, '..', 'containers', 'reaperMain'), argv);
}

interface PodPlace {
  readonly runtime: ContainerRuntime;
  readonly podImage: string;
  readonly signal: AbortSignal | undefined;
}

interface Place extends PodPlace {
  readonly directory: string;
  readonly isTemporary: boolean;
}

function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw new TargetError('aborted', 'aborted while the cluster started');
}

async function publishedPort(pod: Pod): Promise<string> {
  const { NetworkSettings } = await pod.container.inspect();
  const port = NetworkSettings.Ports[`${clientPort}/tcp`]?.[0]?.HostPort;
  if (port === undefined) {
    throw new TargetError('notReady', `port ${clientPort} of pod ${pod.name} is not published`);
  }
  return port;
}
