/** The command codec: what goes in comes out, and what is damaged never comes out as a surprise. */

import fc from 'fast-check';
import { DamagedBytes, decodeCommand, encodeCommand } from '../../src/kv';
import type { Envelope, TxnRequest } from '../../src/kv';
import { commands } from './commands';
import { show } from './show';

const envelopes: fc.Arbitrary<Envelope> = fc.record({
  origin: fc.oneof(fc.nat(), fc.maxSafeNat()),
  sequence: fc.oneof(fc.nat(), fc.maxSafeNat()),
  command: commands,
});

/** What decoding yields: an envelope or undefined for damage; anything else is thrown. */
function decoded(bytes: Uint8Array): Envelope | undefined {
  try {
    return decodeCommand(bytes);
  } catch (error) {
    if (error instanceof DamagedBytes) return undefined;
    throw error;
  }
}

describe('the command codec', () => {
  test('gives back what it was given', () => {
    fc.assert(
      fc.property(envelopes, (envelope) => {
        expect(show(decodeCommand(encodeCommand(envelope)))).toBe(show(envelope));
      }),
      { numRuns: 1000 },
    );
  });

  test('writes one command in one way only', () => {
    fc.assert(
      fc.property(envelopes, (envelope) => {
        const bytes = encodeCommand(envelope);
        expect(encodeCommand(decodeCommand(bytes))).toEqual(bytes);
      }),
      { numRuns: 300 },
    );
  });

  test('finds every truncation and every byte too many', () => {
    fc.assert(
      fc.property(envelopes, fc.nat(255), (envelope, extra) => {
        const bytes = encodeCommand(envelope);
        for (let length = 0; length < bytes.length; length++) {
          expect(decoded(bytes.subarray(0, length))).toBeUndefined();
        }
        expect(decoded(Uint8Array.from([...bytes, extra]))).toBeUndefined();
      }),
      { numRuns: 100 },
    );
  });

  test('reads arbitrary bytes as a command or as damage', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.nat(6), (noise, kind) => {
        decoded(noise);
        decoded(Uint8Array.from([1, 1, 1, kind, ...noise]));
      }),
      { numRuns: 3000 },
    );
  });

  test('reads flipped bits as another command or as damage', () => {
    fc.assert(
      fc.property(envelopes, fc.nat(), fc.nat(7), (envelope, at, bit) => {
        const bytes = encodeCommand(envelope);
        bytes[at % bytes.length]! ^= 1 << bit;
        decoded(bytes);
      }),
      { numRuns: 2000 },
    );
  });

  test('cuts limits and revisions that no store reaches', () => {
    const request = {
      compare: [
        { target: 'version', result: 'less', key: 'a', rangeEnd: '', operand: 2 ** 63 },
      ] as const,
      success: [],
      failure: [],
    };
    const { command } = decodeCommand(
      encodeCommand({ origin: 1, sequence: 1, command: { kind: 'txn', request } }),
    );
    expect(show(command)).toContain(`"operand": ${2 ** 52 - 1}`);
  });

  test('refuses to nest without end, going in and coming out', () => {
    let request: TxnRequest = { compare: [], success: [], failure: [] };
    for (let i = 0; i < 300; i++) {
      request = { compare: [], success: [{ kind: 'txn', request }], failure: [] };
    }
    const command = { kind: 'txn', request } as const;
    expect(() => encodeCommand({ origin: 1, sequence: 1, command })).toThrow('nests deeper');
    // A transaction with one success operation, a transaction with one success operation, ...
    const nested = Array.from({ length: 100_000 }, () => [0, 1, 4]).flat();
    expect(() => decodeCommand(Uint8Array.from([1, 1, 1, 2, ...nested]))).toThrow('nests deeper');
  });
});
