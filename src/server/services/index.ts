/** The etcd v3 API on gRPC, over whatever implements `Backend`. */

export { CallCounts } from './callCounts';
export { listenOn, type Address, type ClientTls } from './clientPort';
export { startGrpcServer } from './grpcServer';
export type { GrpcServerOptions, RunningGrpcServer } from './grpcServer';
export type {
  AlarmName,
  Backend,
  HashKv,
  LeaseBackend,
  LeaseTime,
  MemberAdded,
  MemberInfo,
  MemberStatus,
  MembershipBackend,
  ReadView,
  SnapshotFile,
  WatchBackend,
} from './backend';
