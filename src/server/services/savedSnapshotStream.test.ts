/** The state as a file on its way to a client: no more of it than the connection has passed on. */
import { Writable } from 'node:stream';
import { Metadata, type handleServerStreamingCall } from '@grpc/grpc-js';
import { maintenanceHandlers } from './maintenanceService';
import { SoloBackend } from './testing/soloBackend';
import { HeaderWriter } from './wireWriter';

test('a saved snapshot is read as fast as the client takes it, one piece at a time', async () => {
  const backend = new SoloBackend();
  const pieces = 40;
  let read = 0;
  let closed = false;
  const snapshotFile = () =>
    Promise.resolve({
      next: () =>
        read === pieces ? undefined : { blob: Buffer.alloc(1), remaining: pieces - ++read },
      close: () => void (closed = true),
    });
  Object.assign(backend, { snapshotFile });
  const handlers = maintenanceHandlers({
    backend,
    limits: { requestBytesMax: 1, txnOpsMax: 1 },
    headers: new HeaderWriter(1n, 1n),
    onDefect: (error) => {
      throw error;
    },
  });
  // As gRPC's own: takes sixteen messages before it says that it is full.
  let passOn: () => void = () => undefined;
  const call = new Writable({ objectMode: true, write: (_, __, done) => (passOn = done) });
  Object.assign(call, { metadata: new Metadata(), cancelled: false });
  const snapshot = handlers.snapshot as handleServerStreamingCall<object, object>;
  snapshot(call as unknown as Parameters<typeof snapshot>[0]);
  for (let taken = 1; taken <= pieces; taken++) {
    await new Promise(setImmediate);
    expect(read).toBe(taken);
    passOn();
  }
  await new Promise((done) => call.once('finish', done));
  expect(closed).toBe(true);
});
