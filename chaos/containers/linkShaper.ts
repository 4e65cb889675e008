/**
 * The commands that make what a pod sends to another slow or unreliable: a class per receiver
 * (htb) with its rate, and below it netem for what happens to packets. Loss is left to a filter at
 * the receiver where the kernel has no netem, which small kernels often lack.
 */
import type { LinkShape } from '../target';

const device = 'dev eth0';
/** More than any virtual interface carries: the class for everything that is not shaped. */
const unlimited = '10gbit';

/** Fails where receivers cannot have classes of their own. */
export const prepareClasses =
  `tc qdisc add ${device} root handle 1: htb default 1 && ` +
  `tc class add ${device} parent 1: classid 1:1 htb rate ${unlimited} && ` +
  `tc filter add ${device} parent 1: protocol ip prio 1 u32 ` +
  `match ip dst 192.0.2.1/32 flowid 1:1 && tc qdisc del ${device} root`;

/** Fails where the kernel has no netem. */
export const prepareNetem =
  `tc qdisc add ${device} root netem delay 1ms && ` + `tc qdisc del ${device} root`;

export const unshape = `tc qdisc del ${device} root 2>/dev/null || true`;

/** The command for all shapes of a pod, by the address they are about. */
export function shapeCommand(shapes: ReadonlyMap<string, LinkShape>): string {
  const commands = [
    unshape,
    `tc qdisc add ${device} root handle 1: htb default 1`,
    `tc class add ${device} parent 1: classid 1:1 htb rate ${unlimited}`,
  ];
  let number = 1;
  for (const [address, shape] of shapes) {
    number += 1;
    const { bytesPerSecond } = shape;
    const rate = bytesPerSecond === undefined ? unlimited : `${Math.ceil(bytesPerSecond * 8)}bit`;
    const burst = bytesPerSecond === undefined ? '' : ' burst 16kb cburst 16kb';
    commands.push(
      `tc class add ${device} parent 1: classid 1:${number} htb rate ${rate}${burst}`,
      `tc filter add ${device} parent 1: protocol ip prio 1 u32 ` +
        `match ip dst ${address}/32 flowid 1:${number}`,
    );
    const netem = netemOptions(shape);
    if (netem !== '') {
      commands.push(`tc qdisc add ${device} parent 1:${number} handle ${number}0: netem ${netem}`);
    }
  }
  return commands.join(' && ');
}

/** Empty when the shape needs no netem. */
function netemOptions({ delayMs, jitterMs = 0, loss, duplicate, reorder }: LinkShape): string {
  const percent = (share: number): string => `${(share * 100).toFixed(2)}%`;
  const words: string[] = [];
  // Only what is delayed can be overtaken.
  const delay = delayMs ?? (reorder === undefined ? undefined : 10);
  if (delay !== undefined) words.push(`delay ${delay}ms${jitterMs > 0 ? ` ${jitterMs}ms` : ''}`);
  if (loss !== undefined) words.push(`loss ${percent(loss)}`);
  if (duplicate !== undefined) words.push(`duplicate ${percent(duplicate)}`);
  if (reorder !== undefined) words.push(`reorder ${percent(reorder)}`);
  return words.join(' ');
}
