/**
 * A session with etcdctl as a list of what was typed and what was printed, so that two stores can
 * be held against each other: they must print the same but for ids, addresses and times.
 */
import type { Etcdctl, EtcdctlRun, RunningEtcdctl } from '../../src/client/testing/etcdctl';

export class EtcdctlSession {
  readonly lines: string[] = [];

  constructor(private readonly etcdctl: Etcdctl) {}

  /** Runs a command and notes it with all that it printed. */
  async type(args: readonly string[], stdin = ''): Promise<EtcdctlRun> {
    const run = await this.etcdctl.run(args, stdin);
    this.note(args, `${run.stdout}${errorsOf(run.stderr)}= ${run.code}`);
    return run;
  }

  /**
   * Starts a command that goes on by itself, waits until it printed `until`, and stops it. Noted is
   * what `first` finds in it: all, unless told otherwise.
   */
  async follow(
    args: readonly string[],
    until: RegExp,
    meanwhile: (running: RunningEtcdctl) => Promise<unknown> | void = () => undefined,
    first = /^[^]*$/,
  ): Promise<void> {
    const running = this.etcdctl.start(args);
    try {
      await meanwhile(running);
      const printed = await running.until(until);
      this.note(args, first.exec(printed)?.[0] ?? printed);
    } finally {
      await running.stop();
    }
  }

  /** Runs a command that is not part of what is compared. */
  async quietly(args: readonly string[]): Promise<void> {
    await this.etcdctl.prints(args);
  }

  /** The first 16-digit id that the last command printed. */
  async idFrom(args: readonly string[]): Promise<string> {
    const id = /\b[0-9a-f]{16}\b/.exec((await this.type(args)).stdout)?.[0];
    if (id === undefined) throw new Error(`etcdctl ${args.join(' ')} printed no id`);
    return id;
  }

  private note(args: readonly string[], text: string): void {
    const command = args.map((arg) => (/^[\w./=-]+$/.test(arg) ? arg : `'${arg}'`)).join(' ');
    this.lines.push(...normal(`$ etcdctl ${command}\n${text}`).trimEnd().split('\n'));
  }
}

/** Without the log lines of the client itself. */
function errorsOf(stderr: string): string {
  return stderr
    .split(/(?<=\n)/)
    .filter((line) => !line.startsWith('{"level"'))
    .join('');
}

function normal(text: string): string {
  return (
    text
      .replace(/(https?:\/\/)?127\.0\.0\.1:\d+/g, '<endpoint>')
      .replace(
        /("(?:cluster_id|member_id|raft_term|ClusterID|MemberID|RaftTerm)" ?: ?)\d+/g,
        '$1<n>',
      )
      .replace(/("(?:ID|id|lease|Lease)" ?: ?)\d{10,}/g, '$1<id>')
      .replace(/("ttl":)\d+/g, '$1<time>')
      .replace(/\b[0-9a-f]{16}\b/g, '<id>')
      .replace(/remaining\(\d+s\)/g, 'remaining(<time>)')
      // etcd lists them in no order.
      .replace(/keys\(\[(.*)\]\)/g, (_, keys: string) => `keys(${keys.split(' ').sort().join()})`)
      .replace(/took = [\w.µ]+/g, 'took = <time>')
  );
}
