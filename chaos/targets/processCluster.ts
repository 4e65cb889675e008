/**
 * A cluster of child processes that take etcd's flags: etcd itself, our reference and anything
 * else with the same command line.
 *
 * Members listen on 127.0.0.1 on free ports; a start that loses the race for a port is tried
 * again with others. Ready means that every member answers and one of them leads. Data lives in
 * one directory per member and goes away with the cluster; logs stay with the run.
 */
import { randomUUID } from 'node:crypto';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

import {
  TargetError,
  type Capability,
  type Cluster,
  type ClusterDescription,
  type RunningCluster,
} from '../target';
import { waitFor } from '../wait';
import { freePorts } from './freePorts';
import { LinkProxies, canIdentifySockets } from './linkProxies';
import { MemberProcess } from './memberProcess';
import { sweepLeftovers } from './processRegistry';
import { RunningProcessCluster, type PlacedMember } from './runningProcessCluster';

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

export class ProcessCluster implements Cluster {
  readonly description: ClusterDescription;
  readonly capabilities: ReadonlySet<Capability>;

  constructor(private readonly options: ProcessClusterOptions) {
    const { target, command, argvPrefix = [], memberCount = 3 } = options;
    if (!Number.isInteger(memberCount) || memberCount < 1 || memberCount > 9) {
      throw new TargetError('notReady', `a cluster has 1..9 members, not ${memberCount}`);
    }
    const how = [command, ...argvPrefix].join(' ');
    this.description = { target, how, memberCount };
    const capabilities: Capability[] = ['kill', 'stop', 'pause'];
    if (options.partitions ?? canIdentifySockets()) capabilities.push('partition');
    this.capabilities = new Set(capabilities);
  }

  async start(signal?: AbortSignal): Promise<RunningCluster> {
    sweepLeftovers();
    const isTemporary = this.options.directory === undefined;
    const directory = isTemporary
      ? await mkdtemp(join(tmpdir(), 'crucible-cluster-'))
      : resolve(this.options.directory);
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
        await this.untilReady(running, signal);
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
    const initialCluster = ports
      .map(({ advertised }, i) => `${names[i]}=http://127.0.0.1:${advertised}`)
      .join(',');
    const token = `crucible-${randomUUID()}`;
    const members: PlacedMember[] = [];
    for (const [i, port] of ports.entries()) {
      const name = names[i]!;
      const dataDirectory = join(directory, name, `data-${token}`);
      const logFile = join(directory, `${name}.log`);
      await mkdir(join(directory, name), { recursive: true });
      const argv = this.argv(name, dataDirectory, port, initialCluster, token);
      const { command, environment = {} } = options;
      const marker = dataDirectory;
      const member = new MemberProcess({ name, command, argv, environment, marker, logFile });
      const clientUrl = `http://127.0.0.1:${port.client}`;
      members.push({ name, clientUrl, logFile, process: member });
    }
    const proxies = hasProxies ? await this.openProxies(members, ports) : undefined;
    const cleanUp = async (): Promise<void> => {
      if (isTemporary) await rm(directory, { recursive: true, force: true });
      else if (!options.keepData) {
        for (const name of names) await rm(join(directory, name), { recursive: true, force: true });
      }
    };
    return new RunningProcessCluster({ description, capabilities, members, proxies, cleanUp });
  }

  private openProxies(
    members: readonly PlacedMember[],
    ports: readonly Ports[],
  ): Promise<LinkProxies> {
    return LinkProxies.open({
      members: members.map(({ name }, i) => {
        return { name, peerPort: ports[i]!.peer, proxyPort: ports[i]!.advertised };
      }),
      pidOf: (name) => members.find((member) => member.name === name)?.process.pid,
    });
  }

  private argv(
    name: string,
    dataDirectory: string,
    { client, peer, advertised }: Ports,
    initialCluster: string,
    token: string,
  ): readonly string[] {
    const { argvPrefix = [], argvExtra = [], heartbeatMs = 100, electionMs = 1_000 } = this.options;
    const clientUrl = `http://127.0.0.1:${client}`;
    return [
      ...argvPrefix,
      ...['--name', name, '--data-dir', dataDirectory],
      ...['--listen-client-urls', clientUrl, '--advertise-client-urls', clientUrl],
      ...['--listen-peer-urls', `http://127.0.0.1:${peer}`],
      ...['--initial-advertise-peer-urls', `http://127.0.0.1:${advertised}`],
      ...['--initial-cluster', initialCluster, '--initial-cluster-state', 'new'],
      ...['--initial-cluster-token', token],
      ...['--heartbeat-interval', String(heartbeatMs), '--election-timeout', String(electionMs)],
      ...argvExtra,
    ];
  }

  private async untilReady(running: RunningProcessCluster, signal?: AbortSignal): Promise<void> {
    const limitMs = this.options.readyLimitMs ?? readyLimitMsDefault;
    await waitFor(
      async () => {
        running.assertNoneEnded();
        const answers = await Promise.all(
          running.members().map(({ name }) => running.status(name, 500)),
        );
        const known = answers.every(({ leaderId }) => leaderId !== 0n);
        return known && (await running.leader()) !== undefined ? true : undefined;
      },
      {
        what: `${this.description.memberCount} members of ${this.description.target} to be ready`,
        limitMs,
        intervalMs: 50,
        signal,
        isFinal: (error) => error instanceof TargetError,
      },
    );
  }
}

function isAddressInUse(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'EADDRINUSE';
}
