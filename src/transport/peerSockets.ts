/**
 * Sockets between members, plain or with TLS: how they are dialled, and the server that accepts
 * them. What comes out has said and proved nothing yet but what TLS proves.
 */
import { connect, createServer, isIP, type Server, type Socket } from 'node:net';
import { connect as connectTls, createServer as createTlsServer } from 'node:tls';
import type { PeerEndpoint } from './peerLink';

/** Certificates as PEM. */
export interface PeerTls {
  readonly cert?: Buffer | undefined;
  readonly key?: Buffer | undefined;
  /** Who vouches for the other side. Default: the authorities that Node trusts. */
  readonly ca?: Buffer | undefined;
  /** Members that dial in must show a certificate that `ca` vouches for. Default false. */
  readonly clientCertAuth?: boolean | undefined;
}

/** `connected` is called when bytes may be sent: with TLS, after the other side proved itself. */
export function dialPeer(
  { host, port, tls: secure }: PeerEndpoint,
  tls: PeerTls | undefined,
  connected: () => void,
): Socket {
  if (secure !== true) return connect({ host, port, noDelay: true }, connected);
  const { cert, key, ca } = tls ?? {};
  const socket = connectTls(
    { host, port, cert, key, ca, ...(isIP(host) === 0 && { servername: host }) },
    connected,
  );
  socket.setNoDelay(true);
  return socket;
}

/** With `tls`, accepts TLS only. */
export function createPeerServer(
  tls: PeerTls | undefined,
  accept: (socket: Socket) => void,
): Server {
  if (tls === undefined) return createServer({ noDelay: true }, accept);
  const { cert, key, ca, clientCertAuth = false } = tls;
  const options = { cert, key, ca, requestCert: clientCertAuth, noDelay: true };
  return createTlsServer({ ...options, rejectUnauthorized: clientCertAuth }, accept);
}
