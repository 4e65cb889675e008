/**
 * Asks a member of a cluster something before one takes part in it oneself: a joiner knows
 * addresses only, and learns from the answer which cluster it joins and under which id; a member
 * that starts compares its state with those of the others.
 */
import { FrameParser, frameHeader } from './frames';
import { encodeQuery, type PeerQuery } from './handshake';
import type { PeerEndpoint } from './peerLink';
import { dialPeer, type PeerTls } from './peerSockets';

const ANSWER_BYTES_MAX = 1024 * 1024;

/** The bytes of the answer. Rejects with the reason when none comes in time. */
export function queryPeer(
  query: PeerQuery,
  endpoint: PeerEndpoint,
  tls: PeerTls | undefined,
  timeoutMs: number,
): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    const asked = encodeQuery(query);
    const socket = dialPeer(endpoint, tls, () => {
      socket.write(frameHeader(asked.length));
      socket.write(asked);
    });
    const fail = (reason: string): void => {
      socket.destroy();
      reject(new Error(reason));
    };
    const parser = new FrameParser(ANSWER_BYTES_MAX);
    socket.setTimeout(timeoutMs, () => fail(`no answer within ${timeoutMs} ms`));
    socket.on('error', (error) => fail(error.message));
    socket.on('close', () => fail('it hung up'));
    socket.on('data', (chunk) => {
      try {
        parser.push(chunk, (frame) => {
          resolve(frame.slice());
          socket.destroy();
        });
      } catch (error) {
        fail((error as Error).message);
      }
    });
  });
}
