/**
 * A binary heap of things by time, the earliest on top; equal times come in the order in which
 * they were pushed. Things whose time moves are not looked for: their owner finds out when the
 * old time comes, and pushes them again.
 */

export interface Deadline<T> {
  readonly atMs: number;
  readonly value: T;
}

interface Node<T> extends Deadline<T> {
  readonly order: number;
}

export class DeadlineHeap<T> {
  private nodes: Node<T>[] = [];
  private pushed = 0;

  get size(): number {
    return this.nodes.length;
  }

  clear(): void {
    this.nodes = [];
  }

  peek(): Deadline<T> | undefined {
    return this.nodes[0];
  }

  push(atMs: number, value: T): void {
    const { nodes } = this;
    const node = { atMs, value, order: this.pushed++ };
    let at = nodes.length;
    nodes.push(node);
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!before(node, nodes[parent]!)) break;
      nodes[at] = nodes[parent]!;
      at = parent;
    }
    nodes[at] = node;
  }

  /** Takes out all things of which `gone` is true, in one pass. */
  remove(gone: (value: T) => boolean): void {
    // An array in order is a heap.
    this.nodes = this.nodes
      .filter((node) => !gone(node.value))
      .sort((a, b) => a.atMs - b.atMs || a.order - b.order);
  }

  pop(): Deadline<T> | undefined {
    const { nodes } = this;
    const top = nodes[0];
    const last = nodes.pop();
    if (top === undefined || last === undefined || nodes.length === 0) return top;
    let at = 0;
    for (;;) {
      const left = 2 * at + 1;
      const right = left + 1;
      if (left >= nodes.length) break;
      const child = right < nodes.length && before(nodes[right]!, nodes[left]!) ? right : left;
      if (!before(nodes[child]!, last)) break;
      nodes[at] = nodes[child]!;
      at = child;
    }
    nodes[at] = last;
    return top;
  }
}

function before<T>(a: Node<T>, b: Node<T>): boolean {
  return a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order);
}
