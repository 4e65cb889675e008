import * as fc from 'fast-check';
import { KVService, PutRequest, TxnRequest, WatchRequest, WatchService } from '../../api';
import { request } from './testing/etcdRequests';
import { checkedRequests } from './wireCheck';

const kv = checkedRequests(KVService);
const watch = checkedRequests(WatchService);
const readTxn = (bytes: Buffer): unknown => kv['txn']!.requestDeserialize(bytes);
const readPut = (bytes: Buffer): unknown => kv['put']!.requestDeserialize(bytes);
const readWatch = (bytes: Buffer): unknown => watch['watch']!.requestDeserialize(bytes);

const putOfValue = Buffer.from(
  PutRequest.encode(PutRequest.create({ key: k('a'), value: k('x') })).finish(),
);

function k(text: string): Buffer {
  return Buffer.from(text, 'latin1');
}

describe('requests that are checked before they are decoded', () => {
  it('are read as before when they are messages', () => {
    fc.assert(
      fc.property(request, (make) => {
        const { call, request } = make(100n);
        if (call !== 'txn') return;
        const bytes = Buffer.from(TxnRequest.encode(request).finish());
        expect(readTxn(bytes)).toEqual(TxnRequest.decode(bytes));
      }),
    );
  });

  it('may have unknown fields and groups in them', () => {
    const group = [0xa3, 0x06, 0x08, 0x01, 0xa3, 0x06, 0xa4, 0x06, 0xa4, 0x06];
    const fixed = [0xa1, 0x06, 1, 2, 3, 4, 5, 6, 7, 8, 0xa5, 0x06, 1, 2, 3, 4];
    const bytes = Buffer.concat([Buffer.from([...group, ...fixed]), putOfValue]);
    expect(readPut(bytes)).toMatchObject({ key: k('a'), value: k('x') });
  });

  describe('are refused', () => {
    it.each([
      // A put in a transaction, cut behind the length of its value, and an operation after it.
      [
        'when a field reaches beyond the message it is in',
        readTxn,
        [0x12, 0x07, 0x12, 0x05, 0x0a, 1, 0x61, 0x12, 4, 0x12, 0x02, 0x0a, 0x00],
        /^4 bytes at byte 9 end behind byte 9$/,
      ],
      [
        'when a watch reaches beyond its request',
        readWatch,
        [0x0a, 0x02, 0x0a, 0x01, 0x61],
        /^1 bytes at byte 4 end behind byte 4$/,
      ],
      ['when something follows a field 0', readPut, [0x00, ...putOfValue], /number 0/],
      ['when a group ends that nobody began', readPut, [0x0c, ...putOfValue], /wire type 4/],
      ['when a group ends as another', readPut, [0xa3, 0x06, 0xac, 0x06], /group 100 ends as 101/],
      ['when a number has no end', readPut, [0x18, 0x80], /in the middle of a number/],
      ['when a number is too long', readPut, [0x18, ...Array<number>(11).fill(0x80)], /too long/],
    ])('%s', (_, read, bytes, text) => {
      expect(() => read(Buffer.from(bytes))).toThrow(text);
    });

    it('when they are nested deeper than a hundred', () => {
      let bytes = Buffer.alloc(0);
      for (let i = 0; i < 60; i++) {
        const inner = Buffer.concat([Buffer.from([0x22, ...length(bytes)]), bytes]);
        bytes = Buffer.concat([Buffer.from([0x12, ...length(inner)]), inner]);
      }
      expect(() => readTxn(bytes)).toThrow('nested more than 100 deep');
    });
  });

  it('without the check take what follows for their own', () => {
    const bytes = Buffer.from([0x0a, 0x02, 0x0a, 0x01, 0x61]);
    expect(WatchRequest.decode(bytes).requestUnion).toMatchObject({ value: { key: k('a') } });
  });
});

function length(bytes: Buffer): number[] {
  const { length } = bytes;
  return length < 0x80 ? [length] : [(length & 0x7f) | 0x80, length >> 7];
}
