/**
 * The Cluster service: who the members are.
 *
 * Membership is read from this member's state, after a read barrier when the client asks for it.
 * Changing it over this service is not implemented, and says so.
 */
import type { UntypedServiceImplementation } from '@grpc/grpc-js';
import type { Member, MemberListRequest, MemberListResponse } from '../../api';
import type { MemberInfo } from './backend';
import { headerAt, unary, type ServiceContext } from './handler';

export function clusterHandlers(context: ServiceContext): UntypedServiceImplementation {
  const { backend } = context;
  return {
    memberList: unary(
      context,
      async (request: MemberListRequest): Promise<MemberListResponse> => {
        if (request.linearizable) await backend.linearizableRead();
        return {
          // As in etcd, this header has no revision: membership does not live in the store.
          header: headerAt(context, 0),
          members: backend.members().map(memberToWire),
        };
      },
      { onLearner: false },
    ),
  };
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
