/**
 * The request that brings most bytes, decoded without a copy of them: the generated decoder copies
 * every field of bytes, and the next step writes the value into the log's command anyway.
 *
 * What comes out is what the generated decoder gives, and what it refuses is refused here, which a
 * property checks. Key and value are windows on the message.
 */
import { BinaryReader } from '@bufbuild/protobuf/wire';
import { PutRequest } from '../../api';

/** The number of a field and its wire type, as they stand before it. */
const Tag = {
  key: 10,
  value: 18,
  lease: 24,
  prevKv: 32,
  ignoreValue: 40,
  ignoreLease: 48,
} as const;
const END_GROUP = 4;

export function decodePutRequest(message: Uint8Array): PutRequest {
  const reader = new BinaryReader(message);
  const request = PutRequest.create();
  while (reader.pos < reader.len) {
    const tag = reader.uint32();
    switch (tag) {
      case Tag.key:
        request.key = windowOn(reader.bytes());
        break;
      case Tag.value:
        request.value = windowOn(reader.bytes());
        break;
      case Tag.lease:
        request.lease = reader.int64() as bigint;
        break;
      case Tag.prevKv:
        request.prevKv = reader.bool();
        break;
      case Tag.ignoreValue:
        request.ignoreValue = reader.bool();
        break;
      case Tag.ignoreLease:
        request.ignoreLease = reader.bool();
        break;
      default:
        if ((tag & 7) === END_GROUP || tag === 0) return request;
        reader.skip(tag & 7);
    }
  }
  return request;
}

function windowOn(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
}
