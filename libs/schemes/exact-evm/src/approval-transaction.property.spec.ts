import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { fromRlp, type Hex, keccak256, parseTransaction, toRlp } from 'viem';

import { address, hexOf, hexUpTo } from '../test/arbitrary.js';
import { approvalBy, withField } from '../test/approval.js';
import { payer } from '../test/scenario.js';
import { readSignedTransaction } from './approval-transaction.js';
import { readRlpList, rlpListOf, rlpNumber } from './rlp.js';

const wei = fc.bigInt({ min: 0n, max: 2n ** 128n - 1n });
const call = {
  nonce: fc.integer({ min: 0, max: 1_000_000 }),
  gas: fc.bigInt({ min: 0n, max: 2n ** 63n }),
  to: fc.option(address),
  value: wei,
  data: hexUpTo(200),
};
const anyEip1559 = fc
  .record({ ...call, chainId: fc.integer({ min: 1, max: 2 ** 40 }), priority: wei, extra: wei })
  .map(({ priority, extra, ...rest }) => ({
    ...rest,
    type: 'eip1559' as const,
    maxPriorityFeePerGas: priority,
    maxFeePerGas: priority + extra,
  }));
const anyLegacy = fc
  .record({
    ...call,
    chainId: fc.option(fc.integer({ min: 1, max: 2 ** 40 }), { nil: undefined }),
    gasPrice: wei,
  })
  .map((transaction) => ({ ...transaction, type: 'legacy' as const }));

describe('A signed transaction', () => {
  it('is read as another implementation wrote it, of either type', async () => {
    await fc.assert(
      fc.asyncProperty(fc.oneof(anyEip1559, anyLegacy), async (transaction) => {
        const raw = await payer.signTransaction(transaction);
        expect(readSignedTransaction(raw)).toEqual({
          type: transaction.type,
          chainId: transaction.chainId === undefined ? null : BigInt(transaction.chainId),
          nonce: BigInt(transaction.nonce),
          gasLimit: transaction.gas,
          feePerGasMax: 'gasPrice' in transaction ? transaction.gasPrice : transaction.maxFeePerGas,
          to: transaction.to,
          value: transaction.value,
          data: transaction.data,
          hash: keccak256(raw),
          signer: payer.address.toLowerCase(),
        });
      }),
      { numRuns: 60 },
    );
  });

  it('with an access list is read too', async () => {
    const accessList = [{ address: payer.address, storageKeys: [`0x${'01'.repeat(32)}` as Hex] }];
    const { signedTransaction } = await approvalBy(payer, { accessList });
    expect(readSignedTransaction(signedTransaction)).toMatchObject({ signer: payer.address.toLowerCase() });
  });

  it('with any byte changed is another’s or none', async () => {
    const { signedTransaction } = await approvalBy(payer);
    const bytes = (signedTransaction.length - 2) / 2;
    const before = readSignedTransaction(signedTransaction);
    fc.assert(
      fc.property(fc.nat(bytes - 1), fc.integer({ min: 1, max: 255 }), (at, change) => {
        const changed = Buffer.from(signedTransaction.slice(2), 'hex');
        changed[at] = (changed[at] ?? 0) ^ change;
        const reading = readSignedTransaction(`0x${changed.toString('hex')}`);
        expect(reading?.hash).not.toBe(before?.hash);
        expect(reading?.signer).not.toBe(before?.signer);
      }),
    );
  });

  it('cut off, or with bytes after it, is none', async () => {
    const { signedTransaction } = await approvalBy(payer);
    fc.assert(
      fc.property(fc.nat(signedTransaction.length - 3), (length) => {
        expect(readSignedTransaction(signedTransaction.slice(0, 2 + length) as Hex)).toBeUndefined();
      }),
    );
    expect(readSignedTransaction(`${signedTransaction}00`)).toBeUndefined();
  });

  it('of a type that is neither of the two is none', async () => {
    const { signedTransaction } = await approvalBy(payer, {
      type: 'eip2930',
      gasPrice: 1n,
      maxFeePerGas: undefined,
      maxPriorityFeePerGas: undefined,
    });
    expect(signedTransaction.startsWith('0x01')).toBe(true);
    expect(readSignedTransaction(signedTransaction)).toBeUndefined();
  });

  it('has no signer where r, s or the parity are none', async () => {
    const { signedTransaction } = await approvalBy(payer);
    const having = (at: number, field: Hex) => withField(signedTransaction, at, field);
    expect(readSignedTransaction(having(10, '0x'))?.signer).toBeNull();
    expect(readSignedTransaction(having(11, `0x${'ff'.repeat(32)}`))?.signer).toBeNull();
    expect(readSignedTransaction(having(9, '0x02'))).toBeUndefined();
    expect(readSignedTransaction(having(11, `0x${'ff'.repeat(33)}`))).toBeUndefined();
    expect(readSignedTransaction(having(5, '0x1234'))).toBeUndefined();
    expect(readSignedTransaction(having(1, '0x0001'))).toBeUndefined();
  });

  it('made of any bytes never throws, and is none where another implementation sees none', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          hexUpTo(300),
          hexUpTo(300).map((raw): Hex => `0x02${raw.slice(2)}`),
        ),
        (raw) => {
          if (readSignedTransaction(raw) !== undefined)
            expect(() => parseTransaction(raw as never)).not.toThrow();
        },
      ),
    );
  });
});

describe('RLP', () => {
  const items = fc.array(hexUpTo(120), { maxLength: 9 });

  it('is read as another implementation wrote it', () => {
    fc.assert(
      fc.property(items, (list) => {
        const encoded = Buffer.from(toRlp(list).slice(2), 'hex');
        const reading = readRlpList(encoded, 9);
        expect(reading?.map(({ content }) => `0x${content.toString('hex')}`)).toEqual(list);
        expect(rlpListOf((reading ?? []).map((item) => item.encoded))).toEqual(encoded);
      }),
    );
  });

  it('of a number is as another implementation writes it', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: 2n ** 256n - 1n }), (value) => {
        const digits = value === 0n ? '' : value.toString(16);
        const hex: Hex = `0x${digits.padStart(digits.length + (digits.length % 2), '0')}`;
        expect(`0x${rlpNumber(value).toString('hex')}`).toBe(toRlp(hex));
      }),
    );
  });

  it('is refused where it is longer than its own head says, has too many items, or is not the shortest encoding', () => {
    const list = Buffer.from(toRlp(['0x01', '0x02']).slice(2), 'hex');
    expect(readRlpList(list, 2)).toHaveLength(2);
    expect(readRlpList(list, 1)).toBeUndefined();
    expect(readRlpList(Buffer.concat([list, Buffer.from([0])]), 2)).toBeUndefined();
    for (const other of ['c28101', 'c3b80101', 'f80101', 'f90038', 'b80101', 'fb00000001', 'ff', '']) {
      expect([other, readRlpList(Buffer.from(other, 'hex'), 9)]).toEqual([other, undefined]);
    }
  });

  it('is read or refused, never thrown at, whatever the bytes', () => {
    fc.assert(
      fc.property(fc.oneof(hexUpTo(80), hexOf(1)), (hex) => {
        const reading = readRlpList(Buffer.from(hex.slice(2), 'hex'), 20);
        if (reading !== undefined) expect(() => fromRlp(hex)).not.toThrow();
      }),
      { numRuns: 2_000 },
    );
  });
});
