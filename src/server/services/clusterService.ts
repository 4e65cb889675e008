/**
 * The Cluster service: who the members are, and changes of that.
 *
 * As in etcd, the headers have no revision: the membership does not live in the store. A change
 * is answered when it is applied, with all members as they are then.
 */
import type { UntypedServiceImplementation } from '@grpc/grpc-js';
import type {
  Member,
  MemberAddRequest,
  MemberAddResponse,
  MemberListRequest,
  MemberListResponse,
  MemberPromoteRequest,
  MemberRemoveRequest,
  MemberUpdateRequest,
} from '../../api';
import { Unimplemented } from '../errors';
import type { MemberInfo, MembershipBackend } from './backend';
import { headerAt, unary, type ServiceContext } from './handler';

export function clusterHandlers(context: ServiceContext): UntypedServiceImplementation {
  const { backend } = context;
  const list = (members: readonly MemberInfo[]): MemberListResponse => ({
    header: headerAt(context, 0),
    members: members.map(memberToWire),
  });
  return {
    memberList: unary(context, async ({ linearizable }: MemberListRequest) => {
      if (linearizable) await backend.linearizableRead();
      return list(backend.members());
    }),
    memberAdd: unary(context, async (request: MemberAddRequest): Promise<MemberAddResponse> => {
      const { peerURLs, isLearner } = request;
      const { member, members } = await membershipOf(context).add(peerURLs, isLearner);
      return { ...list(members), member: memberToWire(member) };
    }),
    memberPromote: unary(context, async ({ ID }: MemberPromoteRequest) =>
      list(await membershipOf(context).promote(ID)),
    ),
    memberRemove: unary(context, async ({ ID }: MemberRemoveRequest) =>
      list(await membershipOf(context).remove(ID)),
    ),
    memberUpdate: unary(context, async ({ ID, peerURLs }: MemberUpdateRequest) =>
      list(await membershipOf(context).update(ID, peerURLs)),
    ),
  };
}

function membershipOf({ backend }: ServiceContext): MembershipBackend {
  if (backend.membership === undefined) throw new Unimplemented('changing the membership');
  return backend.membership;
}

function memberToWire(member: MemberInfo): Member {
  return {
    ID: member.id,
    name: member.name,
    peerURLs: [...member.peerUrls],
    clientURLs: [...member.clientUrls],
    isLearner: member.isLearner,
  };
}
