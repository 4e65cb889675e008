/**
 * Picks ports for members. A port handed out by the system for "port 0" lies in the ephemeral
 * range, from which the kernel also takes the source ports of outgoing connections: while a
 * killed member is down, any client could take its port and the member could never come back.
 * So ports come from below that range, and each is tried with a real bind first.
 */
import { randomInt } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';

import { TargetError } from '../target';

const portMin = 12_000;
const ephemeralMinDefault = 32_768;
/** Tries for each port; the range holds some 20 000, so this many failures mean a real problem. */
const triesMax = 200;

/** The first port of the ephemeral range, or the usual one where the system does not say. */
function ephemeralMin(): number {
  try {
    const text = readFileSync('/proc/sys/net/ipv4/ip_local_port_range', 'utf8');
    const first = Number(text.trim().split(/\s+/)[0]);
    return first > portMin + 1_000 ? first : ephemeralMinDefault;
  } catch {
    return ephemeralMinDefault;
  }
}

function canBind(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen({ port, host: '127.0.0.1', exclusive: true }, () => {
      server.close(() => resolve(true));
    });
  });
}

/**
 * Returns `count` different ports that were free a moment ago on 127.0.0.1. Another process can
 * still be faster: whoever binds them must be ready to try again with others.
 */
export async function freePorts(count: number): Promise<readonly number[]> {
  const portEnd = ephemeralMin();
  const ports: number[] = [];
  for (let tries = 0; ports.length < count; tries += 1) {
    if (tries >= triesMax) {
      throw new TargetError(
        'notReady',
        `found ${ports.length} of ${count} free ports in ${portMin}..${portEnd - 1} ` +
          `after ${triesMax} tries`,
      );
    }
    const port = randomInt(portMin, portEnd);
    if (!ports.includes(port) && (await canBind(port))) ports.push(port);
  }
  return ports;
}
