/**
 * Pairing for the formats that name the process of an event but no operation.
 *
 * A process has one operation open at a time, so a completion belongs to the latest invocation
 * of its process. After an unknown outcome the number may be used again (a client that goes on)
 * or never (Jepsen starts a new process): both pair the same way. Such formats carry no usable
 * clock; the position of an event is its time.
 */

import { Pairing } from './pairing';
import type { Completion } from './pairing';
import type { FaultRecord, History, HistoryMeta, TornLine } from './types';

export class ProcessPairing {
  private readonly pairing = new Pairing();
  private readonly faults: FaultRecord[] = [];
  private readonly openIds = new Map<number, number>();
  private nextId = 0;

  invoke(process: number, f: string, key: string | undefined, value: unknown): void {
    if (this.openIds.has(process)) {
      throw new Error(`process ${process} invokes while its last operation is open`);
    }
    const id = this.nextId++;
    this.openIds.set(process, id);
    const time = this.pairing.events;
    this.pairing.invoke({ id, process, f, time, value, ...(key === undefined ? {} : { key }) });
  }

  complete(process: number, completion: Completion): void {
    const id = this.openIds.get(process);
    if (id === undefined) throw new Error(`process ${process} completes without an invocation`);
    this.openIds.delete(process);
    this.pairing.complete(id, this.pairing.events, completion);
  }

  /** What the process `:nemesis` did. */
  fault(fault: string, detail: unknown): void {
    const time = this.pairing.events;
    this.faults.push({ fault, phase: 'injected', targets: [], time, detail });
  }

  finish(meta: HistoryMeta, torn: TornLine | undefined): History {
    const history: History = { meta, operations: this.pairing.finish(), faults: this.faults };
    return torn === undefined ? history : { ...history, torn };
  }
}
