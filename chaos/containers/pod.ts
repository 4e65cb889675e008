/**
 * The network place of a member: a container that does nothing but hold a network namespace, which
 * the member's container joins.
 *
 * Because the pod outlives the member, a member that is killed and started again keeps its
 * address, its published port and the cuts of its links; a container of its own would get a new
 * namespace each time and would talk to everybody until the rules are there again. And the tools
 * for cutting are the pod's, so any image can be the member.
 */
import { TargetError, type LinkShape } from '../target';
import { linkCutters, type LinkCutter } from './linkCutter';
import { prepareClasses, prepareNetem, shapeCommand, unshape } from './linkShaper';
import { openShell, type PodShell } from './podShell';
import { statusOf, type ContainerRuntime, type EngineContainer } from './runtime';
import { within } from './within';

/** The port that members listen on for clients, inside of their pod. */
export const clientPort = 2_379;
const startLimitMs = 60_000;

export interface PodOptions {
  readonly name: string;
  readonly image: string;
  /** The network that all pods of the cluster are on. */
  readonly network: string;
  /** The port on the engine's machine that leads to `clientPort`. */
  readonly hostPort: number;
  readonly labels: Readonly<Record<string, string>>;
  /** Asks for the right to change the network of the pod. */
  readonly partitions: boolean;
}

/** The port was taken between being found free and being bound. */
export class PortTaken extends Error {}

/** What can be done to the links of a pod. */
export interface PodTools {
  /** How its links can be cut; undefined where they cannot. */
  readonly cutter: LinkCutter | undefined;
  readonly canSlow: boolean;
  readonly hasNetem: boolean;
}

const noTools: PodTools = { cutter: undefined, canSlow: false, hasNetem: false };

export class Pod {
  private readonly cuts = new Set<string>();
  private readonly shapes = new Map<string, LinkShape>();

  private constructor(
    readonly name: string,
    readonly container: EngineContainer,
    readonly address: string,
    private readonly shell: PodShell | undefined,
    readonly tools: PodTools,
  ) {}

  get cutter(): LinkCutter | undefined {
    return this.tools.cutter;
  }

  static async start(runtime: ContainerRuntime, options: PodOptions): Promise<Pod> {
    const { name, partitions } = options;
    const container = await within(startLimitMs, `pod ${name}`, create(runtime, options));
    const { NetworkSettings } = await container.inspect();
    const address = NetworkSettings.Networks[options.network]?.IPAddress;
    if (!address) {
      throw new TargetError('notReady', `pod ${name} has no address on ${options.network}`);
    }
    if (!partitions) return new Pod(name, container, address, undefined, noTools);
    const shell = await openShell(runtime.engine, container);
    const tools = {
      cutter: await firstThatWorks(shell),
      canSlow: await works(shell, prepareClasses),
      hasNetem: await works(shell, prepareNetem),
    };
    return new Pod(name, container, address, shell, tools);
  }

  /** Runs the cutter's command for one address; a second time it changes nothing. */
  async cut(address: string): Promise<void> {
    if (!this.shell || !this.cutter) {
      throw new TargetError('notCapable', `pod ${this.name} cannot cut links`);
    }
    if (this.cuts.has(address)) return;
    await this.shell.run(this.cutter.cut(address));
    this.cuts.add(address);
  }

  /** Loses a share of what arrives from an address, where the cutter can. */
  async lose(address: string, share: number): Promise<void> {
    if (!this.shell || !this.cutter?.lose) {
      throw new TargetError('notCapable', `pod ${this.name} cannot lose packets`);
    }
    await this.shell.run(this.cutter.lose(address, share));
    this.cuts.add(address);
  }

  /** Makes what is sent to an address slow or unreliable. */
  async shape(address: string, shape: LinkShape): Promise<void> {
    if (!this.shell) throw new TargetError('notCapable', `pod ${this.name} cannot shape links`);
    this.shapes.set(address, shape);
    await this.shell.run(shapeCommand(this.shapes));
  }

  async mend(): Promise<void> {
    if (!this.shell) return;
    if (this.shapes.size > 0) await this.shell.run(unshape);
    this.shapes.clear();
    if (!this.cutter || this.cuts.size === 0) return;
    await this.shell.run(this.cutter.mend([...this.cuts]));
    this.cuts.clear();
  }

  close(): void {
    this.shell?.close();
  }
}

async function create(runtime: ContainerRuntime, options: PodOptions): Promise<EngineContainer> {
  const { GenericContainer } = runtime.library;
  const { name, image, network, hostPort, labels, partitions } = options;
  class PodContainer extends GenericContainer {
    /** Clients are on this machine; nobody else shall reach a store without passwords. */
    protected override beforeContainerCreated(): Promise<void> {
      if (runtime.isLocal) {
        const binding = { HostIp: '127.0.0.1', HostPort: String(hostPort) };
        this.hostConfig.PortBindings = { [`${clientPort}/tcp`]: [binding] };
      }
      return Promise.resolve();
    }
  }
  const pod = new PodContainer(image)
    .withAutoCleanup(false)
    .withLabels(labels)
    .withHostname(name)
    .withNetworkMode(network)
    .withEntrypoint(['sleep'])
    .withCommand(['2147483647'])
    .withExposedPorts({ container: clientPort, host: hostPort })
    .withWaitStrategy(new NoWait());
  if (partitions) pod.withAddedCapabilities('NET_ADMIN');
  try {
    const started = await pod.start();
    return runtime.engine.getContainer(started.getId());
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error);
    if (/port is already allocated|address already in use/i.test(text)) throw new PortTaken(text);
    if (statusOf(error) === 404 || /pull access denied|manifest unknown|lookup/i.test(text)) {
      throw imageMissing(image, text);
    }
    throw error;
  }
}

/** For readiness that is asked for elsewhere: the cluster's own probes know better. */
export class NoWait {
  waitUntilReady(): Promise<void> {
    return Promise.resolve();
  }

  withStartupTimeout(): this {
    return this;
  }

  isStartupTimeoutSet(): boolean {
    return true;
  }

  getStartupTimeout(): number {
    return 0;
  }
}

export function imageMissing(image: string, reason: string): TargetError {
  const own = /^raft-crucible\/([a-z]+)$/.exec(image)?.[1];
  return new TargetError(
    'notFound',
    `there is no image ${image} and it cannot be pulled (${reason.trim()}): ` +
      (own ? `build it with .ci/dockerImages ${own}` : 'check its name, or load it into Docker'),
  );
}

/** False where the program or the kernel's part is missing, or the right is not granted. */
async function works(shell: PodShell, command: string): Promise<boolean> {
  try {
    await shell.run(command);
    return true;
  } catch {
    return false;
  }
}

async function firstThatWorks(shell: PodShell): Promise<LinkCutter | undefined> {
  for (const cutter of linkCutters) if (await works(shell, cutter.prepare)) return cutter;
  return undefined;
}
