/** That acknowledgements leave after the sync that covers them, and never after a failed one. */
import { emptyMessage } from '../raft';
import type { Message, PersistWork } from '../raft/types';
import { DiskError, type SyncDone } from '../storage/disk';
import type { LogStore } from '../storage/logStore';
import { PersistLane } from './persistLane';

function setUp(appendError?: DiskError) {
  const events: string[] = [];
  const syncs: SyncDone[] = [];
  const log = {
    append: (work: { readonly entries: readonly { readonly index: number }[] }) => {
      if (appendError !== undefined) throw appendError;
      events.push(`append ${work.entries.map(({ index }) => index).join(',')}`);
    },
    sync: (done: SyncDone) => {
      events.push('sync');
      syncs.push(done);
    },
  } as unknown as LogStore;
  const failures: unknown[] = [];
  const durations: number[] = [];
  const clock = { nowMs: 100 };
  const lane = new PersistLane(log, {
    install: () => events.push('install'),
    installed: () => events.push('installed'),
    acknowledge: (ack: Message) => events.push(`ack ${ack.to}`),
    synced: (durationMs) => durations.push(durationMs),
    nowMs: () => clock.nowMs,
    failed: (error) => failures.push(error),
  });
  return { lane, events, syncs, failures, durations, clock };
}

function work(index: number, sync = true): PersistWork {
  return {
    hard: undefined,
    entries: [{ index, term: 1, type: 'normal', data: new Uint8Array() }],
    snapshot: undefined,
    sync,
    acks: [emptyMessage('voteResponse', 1, index, 1)],
  };
}

describe('the disk lane', () => {
  it('holds acknowledgements back until their sync is done', () => {
    const { lane, events, syncs } = setUp();
    lane.push(work(1));
    lane.run();
    expect(events).toEqual(['append 1', 'sync']);
    syncs[0]!(undefined);
    expect(events.slice(2)).toEqual(['ack 1']);
  });

  it('tells how long each sync took', () => {
    const { lane, syncs, durations, clock } = setUp();
    lane.push(work(1));
    lane.run();
    expect(durations).toEqual([]);
    clock.nowMs = 112;
    syncs[0]!(undefined);
    expect(durations).toEqual([12]);
  });

  it('lets work that arrived during a sync share the next one', () => {
    const { lane, events, syncs } = setUp();
    lane.push(work(1));
    lane.run();
    lane.push(work(2));
    lane.run();
    lane.push(work(3));
    lane.run();
    expect(syncs).toHaveLength(1);
    syncs[0]!(undefined);
    expect(events.slice(2)).toEqual(['ack 1', 'append 2', 'append 3', 'sync']);
    syncs[1]!(undefined);
    expect(events.slice(6)).toEqual(['ack 2', 'ack 3']);
    expect(lane.idle).toBe(true);
  });

  it('does not sync what need not survive a crash', () => {
    const { lane, events, syncs } = setUp();
    lane.push(work(1, false));
    lane.run();
    expect(events).toEqual(['append 1', 'ack 1']);
    expect(syncs).toHaveLength(0);
  });

  it('acknowledges nothing after a failed sync, and takes no more work', () => {
    const { lane, events, syncs, failures } = setUp();
    const error = new DiskError('EIO', 'wal/1', 'EIO: i/o error');
    lane.push(work(1));
    lane.run();
    syncs[0]!(error);
    lane.push(work(2));
    lane.run();
    expect(failures).toEqual([error]);
    expect(events).toEqual(['append 1', 'sync']);
  });

  it('acknowledges nothing when the disk is full', () => {
    const error = new DiskError('ENOSPC', 'wal/1', 'ENOSPC: no space left on device');
    const { lane, events, failures } = setUp(error);
    lane.push(work(1));
    lane.run();
    expect(failures).toEqual([error]);
    expect(events).toEqual([]);
  });

  it('acknowledges nothing once it is stopped', () => {
    const { lane, events, syncs } = setUp();
    lane.push(work(1));
    lane.run();
    lane.stop();
    syncs[0]!(undefined);
    expect(events).toEqual(['append 1', 'sync']);
  });
});
