/**
 * A cluster of child processes that take etcd's flags: etcd itself, our reference and anything
 * else with the same command line.
 *
 * Members listen on 127.0.0.1 on free ports; a start that loses the race for a port is tried
 * again with others. Ready means that every member answers and one of them leads. Data lives in
 * one directory per member, on a disk of the member's own where faults of disks are asked for, and
 * goes away with the cluster; logs stay with the run.
 */
import { randomUUID } from 'node:crypto';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

import {
  TargetError,
  type Capability,
  type Cluster,
  type ClusterDescription,
  type RunningCluster,
} from '../target';
import { assertMemberCount, etcdFlags, timingDefaults, untilReady } from './clusterStart';
import { clockEnvironment } from './fakeClock';
import { freePorts } from './freePorts';
import { LinkProxies } from './linkProxies';
import { LoopDisk } from './loopDisk';
import { MemberProcess } from './memberProcess';
import { processAbilities, type DiskKind } from './processAbilities';
import { forgetDirectory, rememberDirectory, sweepLeftovers } from './processRegistry';
import { clockOffset, RunningProcessCluster, type PlacedProcess } from './runningProcessCluster';

export interface ProcessClusterOptions {
  /** Short name for reports. */
  readonly target: string;
  readonly command: string;
  /** What comes before etcd's flags, e.g. the script and its subcommand. Default none. */
  readonly argvPrefix?: readonly string[];
  /** More flags for every member, e.g. `--snapshot-count 100`. Default none. */
  readonly argvExtra?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  /** Default 3. */
  readonly memberCount?: number;
  /** Where logs and data go. Default a temporary directory that is removed at the end. */
  readonly directory?: string;
  /** Keeps the data directories after the end, to look into them. Default false. */
  readonly keepData?: boolean;
  /** Default 100 ms, as etcd's. */
  readonly heartbeatMs?: number;
  /** Default 1000 ms, as etcd's. */
  readonly electionMs?: number;
  /** How long all members together may take to be ready. Default 30 000 ms. */
  readonly readyLimitMs?: number;
  /**
   * Puts proxies between the members so that links can be cut. Default: where the system allows
   * to tell whose a connection is (Linux). It costs each message a hop through the runner.
   */
  readonly partitions?: boolean;
  /** What the data lies on. Default `shared`: the machine's own disk. */
  readonly disks?: DiskKind;
  /** Default 384 MiB. */
  readonly diskBytes?: number;
  /** Runs the members under libfaketime, where it is installed. Default false. */
  readonly fakeClock?: boolean;
}

const readyLimitMsDefault = 30_000;
/** Starts with new ports; losing five races in a row means something else is wrong. */
const startAttemptsMax = 5;

interface Ports {
  readonly client: number;
  readonly peer: number;
  /** What the other members are told: the proxy's port, or the peer port itself. */
  readonly advertised: number;
}

interface Placing {
  readonly directory: string;
  readonly names: readonly string[];
  readonly ports: readonly Ports[];
  readonly token: string;
}

export class ProcessCluster implements Cluster {
  readonly description: ClusterDescription;
  readonly capabilities: ReadonlySet<Capability>;
  readonly missing: ReadonlyMap<Capability, string>;

  constructor(private readonly options: ProcessClusterOptions) {
    const { target, command, argvPrefix = [], memberCount = 3 } = options;
    assertMemberCount(memberCount);
    const how = [command, ...argvPrefix].join(' ');
    this.description = { target, how, memberCount };
    const abilities = processAbilities(options);
    this.capabilities = abilities.capabilities;
    this.missing = abilities.missing;
  }

  async start(signal?: AbortSignal): Promise<RunningCluster> {
    sweepLeftovers();
    const isTemporary = this.options.directory === undefined;
    const directory = isTemporary
      ? await mkdtemp(join(tmpdir(), 'crucible-cluster-'))
      : resolve(this.options.directory);
    if (isTemporary) rememberDirectory(directory);
    await mkdir(directory, { recursive: true });
    for (let attempt = 1; ; attempt += 1) {
      let running: RunningProcessCluster;
      try {
        running = await this.place(directory, isTemporary);
      } catch (error) {
        if (isAddressInUse(error) && attempt < startAttemptsMax) continue;
        throw error;
      }
      try {
        await running.startAll();
        const limitMs = this.options.readyLimitMs ?? readyLimitMsDefault;
        await untilReady(running, this.description, limitMs, signal);
        return running;
      } catch (error) {
        const lostPort = running.lostRaceForPort();
        const report = running.describeForError();
        await running[Symbol.asyncDispose]();
        if (signal?.aborted) throw new TargetError('aborted', 'aborted while the cluster started');
        if (lostPort && attempt < startAttemptsMax) continue;
        if (error instanceof TargetError && error.code === 'notFound') throw error;
        throw new TargetError('notReady', `${(error as Error).message}\n${report}`, {
          cause: error,
        });
      }
    }
  }

  private async place(directory: string, isTemporary: boolean): Promise<RunningProcessCluster> {
    const { description, capabilities, options } = this;
    const count = description.memberCount;
    const hasProxies = capabilities.has('partition');
    const numbers = await freePorts(count * (hasProxies ? 3 : 2));
    const ports = Array.from({ length: count }, (_, i): Ports => {
      const peer = numbers[count + i]!;
      return { client: numbers[i]!, peer, advertised: hasProxies ? numbers[2 * count + i]! : peer };
    });
    const names = ports.map((_, i) => `m${i + 1}`);
    const placing = { directory, names, ports, token: `crucible-${randomUUID()}` };
    const members: PlacedProcess[] = [];
    for (const [i] of names.entries()) members.push(await this.placeMember(placing, i));
    const proxies = hasProxies ? await openProxies(members, ports) : undefined;
    const cleanUp = async (): Promise<void> => {
      const own = isTemporary ? [directory] : names.map((name) => join(directory, name));
      for (const path of own) {
        if (!options.keepData) await rm(path, { recursive: true, force: true });
        forgetDirectory(path);
      }
    };
    return new RunningProcessCluster({ description, capabilities, members, proxies, cleanUp });
  }

  private async placeMember(placing: Placing, i: number): Promise<PlacedProcess> {
    const { options } = this;
    const { directory, token } = placing;
    const name = placing.names[i]!;
    const port = placing.ports[i]!;
    const own = join(directory, name);
    await mkdir(own, { recursive: true });
    if (!options.keepData) rememberDirectory(own);
    const logFile = join(directory, `${name}.log`);
    let unit: MemberProcess | undefined = undefined;
    const disk = await this.makeDisk(own, () => unit!);
    const dataDirectory = join(disk?.path ?? own, `data-${token}`);
    const clockFile = this.capabilities.has('clock') ? join(own, 'clock') : undefined;
    if (clockFile !== undefined) await writeFile(clockFile, clockOffset(0));
    const { command, environment = {} } = options;
    const argv = this.argv(placing, i, dataDirectory);
    unit = new MemberProcess({
      ...{ name, command, argv, marker: dataDirectory, logFile },
      environment: { ...environment, ...(clockFile ? clockEnvironment(clockFile) : {}) },
    });
    const clientUrl = `http://127.0.0.1:${port.client}`;
    return {
      ...{ name, clientUrl, logFile, unit, disk, dataDirectory, clockFile },
      peerUrl: `http://127.0.0.1:${port.advertised}`,
      joinArgv: (initialCluster) => this.argv(placing, i, dataDirectory, initialCluster),
    };
  }

  private async makeDisk(
    directory: string,
    unit: () => MemberProcess,
  ): Promise<LoopDisk | undefined> {
    const { disks = 'shared', diskBytes } = this.options;
    if (disks === 'shared' || !this.capabilities.has('disk')) return undefined;
    return LoopDisk.create({
      directory,
      lies: disks === 'lying',
      ...(diskBytes === undefined ? {} : { sizeBytes: diskBytes }),
      hold: async () => {
        if (unit().state === 'running') await unit().pause();
      },
      untilIdle: () => unit().untilIdle(),
      letGo: async () => {
        if (unit().state === 'paused') await unit().resume();
      },
      kill: async () => {
        if (unit().state !== 'down') await unit().kill();
      },
      allowExit: () => unit().allowExit(),
    });
  }

  /** With `joins`, the members it shall join; else all of them begin together. */
  private argv(
    { names, ports, token }: Placing,
    i: number,
    dataDirectory: string,
    joins?: string,
  ): readonly string[] {
    const { argvPrefix = [], argvExtra = [] } = this.options;
    const { client, peer, advertised } = ports[i]!;
    const clientUrl = `http://127.0.0.1:${client}`;
    const together = ports.map((port, k) => `${names[k]}=http://127.0.0.1:${port.advertised}`);
    return [
      ...argvPrefix,
      ...etcdFlags({
        ...{ name: names[i]!, dataDirectory, token, more: argvExtra },
        ...{ listenClient: clientUrl, advertiseClient: clientUrl },
        listenPeer: `http://127.0.0.1:${peer}`,
        advertisePeer: `http://127.0.0.1:${advertised}`,
        initialCluster: joins ?? together.join(','),
        state: joins === undefined ? 'new' : 'existing',
        heartbeatMs: this.options.heartbeatMs ?? timingDefaults.heartbeatMs,
        electionMs: this.options.electionMs ?? timingDefaults.electionMs,
      }),
    ];
  }
}

function openProxies(
  members: readonly PlacedProcess[],
  ports: readonly Ports[],
): Promise<LinkProxies> {
  return LinkProxies.open({
    members: members.map(({ name }, i) => {
      return { name, peerPort: ports[i]!.peer, proxyPort: ports[i]!.advertised };
    }),
    pidOf: (name) => members.find((member) => member.name === name)?.unit.pid,
  });
}

function isAddressInUse(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'EADDRINUSE';
}
