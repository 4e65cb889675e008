/** A watch stream of a client with everything that came over it, for tests that wait for it. */
import type { Event, WatchResponse } from '../../../api';
import type { EtcdClient, RequestOptions, WatchEnd, WatchStream } from '../../../client';

export class WatchLog {
  readonly responses: WatchResponse[] = [];
  readonly stream: WatchStream;
  ended: WatchEnd | undefined;
  private wake: () => void = () => undefined;

  constructor(client: EtcdClient, options?: RequestOptions) {
    this.stream = client.watch(
      {
        onResponse: (response) => {
          this.responses.push(response);
          this.wake();
        },
        onEnd: (end) => {
          this.ended = end;
          this.wake();
        },
      },
      options,
    );
  }

  /** Waits, without a clock, until what came makes the condition true. */
  async until(condition: () => boolean): Promise<void> {
    while (!condition()) {
      if (this.ended !== undefined) throw new Error(`the stream ended: ${this.ended.error}`);
      await new Promise<void>((resolve) => (this.wake = resolve));
    }
  }

  async end(): Promise<WatchEnd> {
    while (this.ended === undefined) await new Promise<void>((resolve) => (this.wake = resolve));
    return this.ended;
  }

  /** All events of a watch in the order they came. */
  events(watchId: bigint): readonly Event[] {
    return this.of(watchId).flatMap((response) => response.events);
  }

  of(watchId: bigint): readonly WatchResponse[] {
    return this.responses.filter((response) => response.watchId === watchId);
  }
}
