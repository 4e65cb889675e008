/** The etcd v3 API on gRPC, over whatever implements `Backend`. */

export { startGrpcServer } from './grpcServer';
export type { GrpcServerOptions, RunningGrpcServer } from './grpcServer';
export type {
  Backend,
  HashKv,
  LeaseBackend,
  LeaseTime,
  MemberInfo,
  MemberStatus,
  ReadView,
  WatchBackend,
} from './backend';
