/**
 * Network partitions between processes of one machine, without privileges.
 *
 * Every member advertises a proxy of ours as its peer address, so all traffic between members
 * passes here. Who connected is found out from the system's socket table: the source port of the
 * connection belongs to a socket, the socket to a process, the process to a member. Thus each
 * direction of each pair can be cut alone, on unmodified binaries of any store.
 *
 * A cut behaves as dropped packets do: what is on its way stands still, nobody gets an error, new
 * connections hang, and after mending the bytes arrive late but complete and in order. Links can be
 * slow as well, and connections can be broken; packets, which TCP hides, are out of reach here.
 */
import { readFileSync, readdirSync, readlinkSync } from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';

import { LinkFlow, type FlowShape } from './linkFlow';

export interface ProxiedMember {
  readonly name: string;
  /** The port the member really listens on for its peers. */
  readonly peerPort: number;
  /** The port that the other members are told. */
  readonly proxyPort: number;
}

/** One connection between two members; `from` opened it. */
interface Link {
  readonly from: string | undefined;
  readonly to: string;
  readonly near: Socket;
  far: Socket | undefined;
  /** From the opener to the other, and back. */
  flows: readonly [LinkFlow, LinkFlow] | undefined;
}

export interface LinkProxiesOptions {
  readonly members: readonly ProxiedMember[];
  /** The process of a member now, to recognize its connections. */
  readonly pidOf: (name: string) => number | undefined;
  /** In [0, 1), for the jitter of delays. Default `Math.random`. */
  readonly random?: () => number;
}

/** Whether the system shows whose a socket is; without that there are no partitions. */
export function canIdentifySockets(): boolean {
  try {
    return (
      readFileSync('/proc/net/tcp', 'utf8').length > 0 && readdirSync('/proc/self/fd').length > 0
    );
  } catch {
    return false;
  }
}

export class LinkProxies {
  private readonly servers: Server[] = [];
  private readonly links = new Set<Link>();
  private readonly cuts = new Set<string>();
  private readonly shapes = new Map<string, FlowShape>();

  private constructor(private readonly options: LinkProxiesOptions) {}

  static async open(options: LinkProxiesOptions): Promise<LinkProxies> {
    const proxies = new LinkProxies(options);
    try {
      for (const member of options.members) await proxies.listen(member);
    } catch (error) {
      proxies.close();
      throw error;
    }
    return proxies;
  }

  /** Nothing that `from` sends reaches `to` any more. */
  cut(from: string, to: string): void {
    this.cuts.add(`${from}>${to}`);
    this.applyToAll();
  }

  /** What `from` sends to `to` is late or slow from now on. */
  shape(from: string, to: string, shape: FlowShape): void {
    this.shapes.set(`${from}>${to}`, shape);
    this.applyToAll();
  }

  /** Ends the connections of a member with others; what was on its way is lost. */
  breakConnections(name: string): void {
    for (const link of this.links) {
      if (link.from === name || link.to === name) this.end(link);
    }
  }

  mendAll(): void {
    this.cuts.clear();
    this.shapes.clear();
    this.applyToAll();
  }

  /** Ends all connections and stops listening. */
  close(): void {
    for (const server of this.servers) server.close();
    for (const link of this.links) this.end(link);
  }

  private async listen(member: ProxiedMember): Promise<void> {
    const server = createServer({ pauseOnConnect: true, allowHalfOpen: true }, (near) => {
      this.accept(near, member);
    });
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(member.proxyPort, '127.0.0.1', () => resolve());
    });
    server.on('error', () => undefined);
    this.servers.push(server);
  }

  private accept(near: Socket, member: ProxiedMember): void {
    const from = this.ownerOf(near.remotePort);
    const link: Link = { from, to: member.name, near, far: undefined, flows: undefined };
    this.links.add(link);
    near.setNoDelay(true);
    near.on('error', () => this.end(link));
    near.on('close', () => this.end(link));
    this.apply(link, member);
  }

  /** The member whose process has the socket with this local port. */
  private ownerOf(port: number | undefined): string | undefined {
    if (port === undefined) return undefined;
    const inode = inodeOfPort(port);
    if (inode === undefined) return undefined;
    for (const { name } of this.options.members) {
      const pid = this.options.pidOf(name);
      if (pid !== undefined && hasSocket(pid, inode)) return name;
    }
    return undefined;
  }

  private isCut(from: string | undefined, to: string): boolean {
    return from !== undefined && this.cuts.has(`${from}>${to}`);
  }

  private applyToAll(): void {
    for (const link of this.links) {
      this.apply(
        link,
        this.options.members.find(({ name }) => name === link.to)!,
      );
    }
  }

  private apply(link: Link, member: ProxiedMember): void {
    const there = this.isCut(link.from, link.to);
    const back = link.from !== undefined && this.isCut(link.to, link.from);
    if (!link.flows) {
      // A handshake needs both directions.
      if (!link.far && !there && !back) this.dial(link, member);
      return;
    }
    const [forth, home] = link.flows;
    forth.set(!there, this.shapes.get(`${link.from}>${link.to}`) ?? {});
    home.set(!back, this.shapes.get(`${link.to}>${link.from}`) ?? {});
  }

  private dial(link: Link, member: ProxiedMember): void {
    const far = connect({ port: member.peerPort, host: '127.0.0.1', allowHalfOpen: true });
    link.far = far;
    far.setNoDelay(true);
    far.on('error', () => this.end(link));
    far.on('close', () => this.end(link));
    far.pause();
    const { random = Math.random } = this.options;
    link.flows = [new LinkFlow(link.near, far, random), new LinkFlow(far, link.near, random)];
    this.apply(link, member);
  }

  private end(link: Link): void {
    if (!this.links.delete(link)) return;
    for (const flow of link.flows ?? []) flow.close();
    link.near.destroy();
    link.far?.destroy();
  }
}

/** The inode of the socket whose local port this is, as /proc/net/tcp shows it. */
function inodeOfPort(port: number): string | undefined {
  const wanted = port.toString(16).toUpperCase().padStart(4, '0');
  for (const table of ['/proc/net/tcp', '/proc/net/tcp6']) {
    let text: string;
    try {
      text = readFileSync(table, 'utf8');
    } catch {
      continue;
    }
    for (const line of text.split('\n')) {
      const fields = line.trim().split(/\s+/);
      // Fields: number, local address, remote address, state (01 is established), ..., inode.
      if (fields[3] === '01' && fields[1]?.endsWith(`:${wanted}`)) return fields[9];
    }
  }
  return undefined;
}

function hasSocket(pid: number, inode: string): boolean {
  const directory = `/proc/${pid}/fd`;
  try {
    return readdirSync(directory).some((descriptor) => {
      try {
        return readlinkSync(`${directory}/${descriptor}`) === `socket:[${inode}]`;
      } catch {
        return false;
      }
    });
  } catch {
    return false;
  }
}
