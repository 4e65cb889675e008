/**
 * The Maintenance service: the state and the hash of this one member, and what it can be told.
 *
 * All of it is about the member that is asked; nothing here is linearizable. What the backend can
 * not do is answered with `unimplemented`.
 */
import type {
  handleServerStreamingCall,
  ServerWritableStream,
  UntypedServiceImplementation,
} from '@grpc/grpc-js';
import {
  AlarmRequest_AlarmAction,
  AlarmType,
  type AlarmRequest,
  type AlarmResponse,
  type DefragmentResponse,
  type HashKVRequest,
  type HashKVResponse,
  type HashResponse,
  type MoveLeaderRequest,
  type MoveLeaderResponse,
  type SnapshotResponse,
  type StatusResponse,
} from '../../api';
import { refusals } from '../../kv/refusals';
import type { AlarmMember } from '../../kv/types';
import { isExpected, toGrpcStatus, Unimplemented } from '../errors';
import { toNumber } from './fromWire';
import { checkMember, headerAt, unary, type ServiceContext } from './handler';
import { propose } from './proposing';

export function maintenanceHandlers(context: ServiceContext): UntypedServiceImplementation {
  return {
    alarm: unary(context, (request: AlarmRequest) => alarm(context, request)),
    status: unary(context, () => status(context), { onLearner: true, beforeJoining: true }),
    defragment: unary(context, () => defragment(context)),
    hash: unary(context, () => hash(context)),
    hashKv: unary(context, (request: HashKVRequest) => hashKv(context, request)),
    snapshot: snapshot(context),
    moveLeader: unary(context, (request: MoveLeaderRequest) => moveLeader(context, request)),
  };
}

/** Alarms are replicated: all members list the same ones, and any of them can raise any. */
async function alarm(context: ServiceContext, request: AlarmRequest): Promise<AlarmResponse> {
  const { backend } = context;
  const { action, memberID: memberId } = request;
  const wanted = alarmType(request.alarm);
  if (action === AlarmRequest_AlarmAction.GET) {
    await backend.linearizableRead();
    const alarms = (backend.raisedAlarms?.() ?? []).filter(
      (raised) => !wanted || raised.alarm === wanted,
    );
    return { header: headerAt(context, backend.view.revision), alarms: alarms.map(alarmToWire) };
  }
  const raised = action === AlarmRequest_AlarmAction.ACTIVATE;
  if (!raised && action !== AlarmRequest_AlarmAction.DEACTIVATE) {
    throw new Unimplemented(`alarm action ${action}`);
  }
  // No alarm at all can neither be raised nor taken back.
  if (wanted === undefined) return { header: headerAt(context, backend.view.revision), alarms: [] };
  const command = { kind: 'alarm', raised, alarm: { memberId, alarm: wanted } } as const;
  const { result, revision } = await propose(context, command, 0);
  return { header: headerAt(context, revision), alarms: result.alarms.map(alarmToWire) };
}

function alarmType(type: AlarmType): AlarmMember['alarm'] | undefined {
  switch (type) {
    case AlarmType.NONE:
      return undefined;
    case AlarmType.NOSPACE:
      return 'nospace';
    case AlarmType.CORRUPT:
      return 'corrupt';
    default:
      throw new Unimplemented(`alarm type ${type}`);
  }
}

function alarmToWire({ memberId, alarm }: AlarmMember) {
  const type = alarm === 'nospace' ? AlarmType.NOSPACE : AlarmType.CORRUPT;
  return { memberID: memberId, alarm: type };
}

/** Sends the state as fast as the client takes it: one piece waits at a time. */
function snapshot(context: ServiceContext): handleServerStreamingCall<object, SnapshotResponse> {
  return (call) => {
    const fail = (error: unknown): void => {
      if (!isExpected(error)) context.onDefect(error);
      call.emit('error', toGrpcStatus(error));
    };
    sendSnapshot(context, call).then(() => call.end(), fail);
  };
}

async function sendSnapshot(
  context: ServiceContext,
  call: ServerWritableStream<object, SnapshotResponse>,
): Promise<void> {
  const { backend } = context;
  checkMember(context, call.metadata, { onLearner: true });
  if (backend.snapshotFile === undefined) throw new Unimplemented('saving a snapshot');
  const file = await backend.snapshotFile();
  try {
    for (let piece = file.next(); piece !== undefined && !call.cancelled; piece = file.next()) {
      const { blob, remaining } = piece;
      const response = { header: undefined, remainingBytes: BigInt(remaining), blob, version: '' };
      await written(call, response);
    }
  } finally {
    file.close();
  }
}

/** Until the connection has passed it on, or nobody is there any more. */
function written(
  call: ServerWritableStream<object, SnapshotResponse>,
  response: SnapshotResponse,
): Promise<void> {
  return new Promise((resolve) => {
    const settle = (): void => {
      call.off('cancelled', settle).off('close', settle);
      resolve();
    };
    call.on('cancelled', settle).on('close', settle);
    call.write(response, settle);
  });
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
    dbSizeQuota: BigInt(member.dbSizeQuota),
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
  const revision = toNumber(request.revision);
  const hashed = view.hashKv(revision);
  // Etcd hashes what is newer than the compaction: it has no hash at that revision itself.
  if (revision > 0 && revision <= hashed.compactRevision) throw refusals.compacted();
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
