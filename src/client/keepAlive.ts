/**
 * Renewing a lease once: a stream that carries one request and one response.
 *
 * Several renewals on one stream wait for each other in etcd (a forwarded one can block those
 * behind it), and then a lease expires that its owner did renew. One stream a renewal has no such
 * queue, and its outcome is as sharp as that of any other request.
 */
import { LeaseService, type LeaseKeepAliveResponse } from '../api';
import { status as Status, type ServiceError } from '@grpc/grpc-js';
import { ok, type CallSettings, type Connection } from './connection';
import { failure, type Outcome } from './outcome';

export function keepAliveOnce(
  connection: Connection,
  id: bigint,
  settings: CallSettings,
): Promise<Outcome<LeaseKeepAliveResponse>> {
  const { stream, sent } = connection.stream(LeaseService.leaseKeepAlive, settings);
  return new Promise((resolve) => {
    stream.on('data', (response: LeaseKeepAliveResponse) => {
      resolve(ok(response));
      stream.cancel();
    });
    stream.on('error', (error: ServiceError) => {
      resolve(failure(error.code, error.details, sent()));
    });
    stream.on('end', () => {
      resolve(failure(Status.UNKNOWN, 'the stream ended without a response', sent()));
    });
    stream.write({ ID: id });
    stream.end();
  });
}
