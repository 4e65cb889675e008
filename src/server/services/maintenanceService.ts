/**
 * The Maintenance service: the state and the hash of this one member, and what it can be told.
 *
 * All of it is about the member that is asked; nothing here is linearizable. What the backend can
 * not do is answered with `unimplemented`.
 */
import type { UntypedServiceImplementation } from '@grpc/grpc-js';
import {
  AlarmRequest_AlarmAction,
  type AlarmRequest,
  type AlarmResponse,
  type DefragmentResponse,
  type HashKVRequest,
  type HashKVResponse,
  type HashResponse,
  type MoveLeaderRequest,
  type MoveLeaderResponse,
  type StatusResponse,
} from '../../api';
import { Unimplemented } from '../errors';
import { toNumber } from './fromWire';
import { headerAt, unary, type ServiceContext } from './handler';

export function maintenanceHandlers(context: ServiceContext): UntypedServiceImplementation {
  return {
    alarm: unary(context, (request: AlarmRequest) => alarm(context, request)),
    status: unary(context, () => status(context), { onLearner: true }),
    defragment: unary(context, () => defragment(context)),
    hash: unary(context, () => hash(context)),
    hashKv: unary(context, (request: HashKVRequest) => hashKv(context, request)),
    moveLeader: unary(context, (request: MoveLeaderRequest) => moveLeader(context, request)),
  };
}

/** This member raises no alarms, so the list is empty; setting one by hand is not implemented. */
function alarm(context: ServiceContext, request: AlarmRequest): AlarmResponse {
  if (request.action !== AlarmRequest_AlarmAction.GET) {
    throw new Unimplemented(`alarm action ${request.action}`);
  }
  return { header: headerAt(context, context.backend.view.revision), alarms: [] };
}

function status(context: ServiceContext): StatusResponse {
  const { backend } = context;
  const member = backend.status();
  return {
    header: headerAt(context, backend.view.revision),
    version: member.version,
    dbSize: BigInt(member.dbSize),
    leader: member.leader,
    raftIndex: BigInt(member.raftIndex),
    raftTerm: BigInt(member.raftTerm),
    raftAppliedIndex: BigInt(member.raftAppliedIndex),
    errors: [...member.errors],
    dbSizeInUse: BigInt(member.dbSizeInUse),
    isLearner: member.isLearner,
    storageVersion: '',
    dbSizeQuota: 0n,
    downgradeInfo: undefined,
  };
}

async function defragment(context: ServiceContext): Promise<DefragmentResponse> {
  const { backend } = context;
  if (backend.defragment === undefined) throw new Unimplemented('defragment');
  await backend.defragment();
  return { header: headerAt(context, 0) };
}

/** Etcd hashes the bytes of its database; the hash of the newest state is the nearest to it. */
function hash(context: ServiceContext): HashResponse {
  const { view } = context.backend;
  return { header: headerAt(context, view.revision), hash: toUint32(view.hashKv(0).hash) };
}

function hashKv(context: ServiceContext, request: HashKVRequest): HashKVResponse {
  const { view } = context.backend;
  const hashed = view.hashKv(toNumber(request.revision));
  return {
    header: headerAt(context, view.revision),
    hash: toUint32(hashed.hash),
    compactRevision: BigInt(hashed.compactRevision),
    hashRevision: BigInt(hashed.revision),
  };
}

async function moveLeader(
  context: ServiceContext,
  request: MoveLeaderRequest,
): Promise<MoveLeaderResponse> {
  const { backend } = context;
  if (backend.moveLeader === undefined) throw new Unimplemented('moving the leader');
  await backend.moveLeader(request.targetID);
  return { header: headerAt(context, 0) };
}

function toUint32(hash: number): number {
  return hash % 2 ** 32;
}
