/**
 * One node of a script: the core on a MemoryLog, with its disk and its state machine run by
 * hand. The state machine appends what it applies to a string; each of its states is kept, so
 * that a snapshot can be asked for at any time.
 */
import type {
  ApplyWork,
  Entry,
  PersistWork,
  RaftOptions,
  SnapshotMetadata,
} from '../../src/raft/types';
import { EMPTY_CONF, MemoryLog, RaftNode, type TraceEvent } from '../../src/raft';

/** What `add-nodes` can set, with the values the scripts assume. */
export interface NodeSettings {
  readonly asyncWrites: boolean;
  readonly options: Omit<RaftOptions, 'id' | 'log' | 'trace' | 'random'>;
  /** The state the node begins with; undefined for an empty one. */
  readonly snapshot: SnapshotMetadata | undefined;
}

export class ScriptNode {
  readonly id: number;
  readonly asyncWrites: boolean;
  readonly log: ScriptLog;
  node: RaftNode;
  /** Work that the disk and the state machine were asked for (asynchronous writes only). */
  readonly persistWork: PersistWork[] = [];
  readonly applyWork: ApplyWork[] = [];

  constructor(
    id: number,
    private readonly settings: NodeSettings,
    private readonly trace: (id: number, event: TraceEvent) => void,
  ) {
    this.id = id;
    this.asyncWrites = settings.asyncWrites;
    this.log = new ScriptLog(settings.snapshot);
    this.node = this.start(settings.options.applied ?? 0);
  }

  /** Stops without a word and starts again from what is on disk. */
  restart(): void {
    this.persistWork.length = 0;
    this.applyWork.length = 0;
    this.log.setConf(this.log.snapshot()?.conf ?? EMPTY_CONF);
    this.node = this.start(this.log.snapshot()?.index ?? 0);
  }

  /** What the disk does. */
  write(work: PersistWork): void {
    if (work.hard !== undefined) this.log.setHardState(work.hard);
    if (work.snapshot !== undefined) this.log.applySnapshot(work.snapshot);
    this.log.append(work.entries);
  }

  /** What the state machine does. */
  apply(entries: readonly Entry[]): void {
    for (const entry of entries) {
      const { index, term } = entry;
      const conf =
        entry.type === 'normal'
          ? (this.log.state?.conf ?? EMPTY_CONF)
          : this.node.applyChange(entry.data, index);
      this.log.state = { index, term, conf };
    }
  }

  private start(applied: number): RaftNode {
    return new RaftNode({
      ...this.settings.options,
      applied,
      id: this.id,
      log: this.log,
      // Scripts set election timeouts where they matter; the longest is the least surprising.
      random: (n) => n - 1,
      trace: (event) => this.trace(this.id, event),
    });
  }
}

/** A MemoryLog whose snapshot is always the newest state of the state machine. */
class ScriptLog extends MemoryLog {
  state: SnapshotMetadata | undefined;

  constructor(snapshot: SnapshotMetadata | undefined) {
    super();
    this.state = snapshot;
    if (snapshot !== undefined) this.applySnapshot(snapshot);
  }

  override snapshot(): SnapshotMetadata | undefined {
    return this.state;
  }

  override applySnapshot(snapshot: SnapshotMetadata): void {
    super.applySnapshot(snapshot);
    this.state = snapshot;
  }
}
