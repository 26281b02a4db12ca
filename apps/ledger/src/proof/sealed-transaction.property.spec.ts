import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';

import { leafDigest } from './digest.js';
import { imbalance } from './discrepancy.js';
import {
  canonicalText,
  epochText,
  gapLine,
  journalLine,
  type SealedTransaction,
  timeText,
} from './sealed-transaction.js';

const transaction: SealedTransaction = {
  id: '17',
  book: 'G',
  source: 'event',
  sourceEventId: '0b5fd4d1-2c4d-8f0e-8a3b-3c5d7e9f1a2b',
  event: 'settlement.confirmed',
  paymentId: null,
  chainTransaction: `0x${'ab'.repeat(32)}`,
  effectiveAt: '2026-11-20T12:00:00.000000Z',
  occurredAt: '2026-11-20T11:59:59.999999Z',
  recordedAt: '2026-11-20T12:00:01.123456Z',
  reverses: null,
  shard: 3,
  entries: [
    {
      line: 1,
      account: 'G:expense:gas:eip155:1:ok',
      asset: 'eip155:1/slip44:60',
      layer: 'settled',
      amount: '5',
    },
    {
      line: 2,
      account: 'G:transit:gas:eip155:1',
      asset: 'eip155:1/slip44:60',
      layer: 'settled',
      amount: '-5',
    },
  ],
};

describe('the canonical text', () => {
  it('is version 1 for ever', () => {
    const text = [
      'quittance ledger transaction 1',
      'id 17',
      'book G',
      'source event',
      'event 0b5fd4d1-2c4d-8f0e-8a3b-3c5d7e9f1a2b settlement.confirmed',
      'payment -',
      `chain 0x${'ab'.repeat(32)}`,
      'effective 1795176000.000000',
      'occurred 1795175999.999999',
      'recorded 1795176001.123456',
      'reverses -',
      'shard 3',
      'entry 1 G:expense:gas:eip155:1:ok eip155:1/slip44:60 settled 5',
      'entry 2 G:transit:gas:eip155:1 eip155:1/slip44:60 settled -5',
      '',
    ].join('\n');
    expect(canonicalText(transaction)).toBe(text);
    expect(leafDigest(text)).toBe('cede307e24b128bebc1c2a714cef4c085617cf347cd004884fba61a7f1aacfae');
  });

  it('differs whenever anything does', () => {
    const [first, second] = transaction.entries;
    const changed: SealedTransaction[] = [
      { ...transaction, id: '18' },
      { ...transaction, book: 'F' },
      { ...transaction, source: 'journal' },
      { ...transaction, sourceEventId: '1b5fd4d1-2c4d-8f0e-8a3b-3c5d7e9f1a2b' },
      { ...transaction, event: 'settlement.failed' },
      { ...transaction, paymentId: transaction.sourceEventId },
      { ...transaction, chainTransaction: null },
      { ...transaction, effectiveAt: '2026-11-20T12:00:00.000001Z' },
      { ...transaction, occurredAt: '2026-11-20T11:59:59.999998Z' },
      { ...transaction, recordedAt: '2027-11-20T12:00:01.123456Z' },
      { ...transaction, reverses: '1' },
      { ...transaction, shard: 4 },
      { ...transaction, entries: [] },
      ...(first && second
        ? [
            { ...transaction, entries: [second, first] },
            { ...transaction, entries: [first] },
            { ...transaction, entries: [{ ...first, line: 3 }, second] },
            { ...transaction, entries: [{ ...first, account: second.account }, second] },
            { ...transaction, entries: [{ ...first, asset: 'eip155:2/slip44:60' }, second] },
            { ...transaction, entries: [{ ...first, layer: 'inflight' as const }, second] },
            { ...transaction, entries: [{ ...first, amount: '6' }, second] },
          ]
        : []),
    ];
    const texts = [transaction, ...changed].map(canonicalText);
    expect(new Set(texts).size).toBe(texts.length);
  });

  it('comes back from a line of a journal', () => {
    const line = JSON.parse(journalLine({ position: 4, leaf: 'ab', transaction })) as {
      transaction: SealedTransaction;
    };
    expect(canonicalText(line.transaction)).toBe(canonicalText(transaction));
    expect(JSON.parse(gapLine({ first: 4, end: 8, hash: 'ab' }))).toEqual({
      gap: { first: 4, end: 8, hash: 'ab' },
    });
  });
});

describe('a time', () => {
  it.each([
    ['0.000000', '1970-01-01T00:00:00.000000Z'],
    ['-0.000001', '1969-12-31T23:59:59.999999Z'],
    ['-1.500000', '1969-12-31T23:59:58.500000Z'],
    ['1795176001.123456', '2026-11-20T12:00:01.123456Z'],
    ['Infinity', 'Infinity'],
    ['-Infinity', '-Infinity'],
    ['9224318015999.999999', '9224318015999.999999'],
  ])('%s is %s', (epoch, time) => {
    expect(timeText(epoch)).toBe(time);
    expect(epochText(time)).toBe(epoch);
  });

  it('goes there and back without losing a microsecond, from the year 1 to 9999', () => {
    fc.assert(
      fc.property(
        fc.bigInt({ min: -62_100_000_000_000_000n, max: 253_402_300_799_999_999n }),
        (microseconds) => {
          const digits = String(microseconds < 0n ? -microseconds : microseconds).padStart(7, '0');
          const epoch = `${microseconds < 0n ? '-' : ''}${digits.slice(0, -6)}.${digits.slice(-6)}`;
          expect(epochText(timeText(epoch))).toBe(epoch);
        },
      ),
      { seed: 17, numRuns: 2_000 },
    );
  });
});

describe('the sums of a transaction', () => {
  it('are nothing by asset and layer, to the last unit, or it is said which', () => {
    const large = String(2n ** 256n - 1n);
    const [first, second] = transaction.entries;
    if (first === undefined || second === undefined) throw new TypeError('two entries');
    const of = (amounts: readonly [string, string]): string[] =>
      imbalance({
        ...transaction,
        entries: [
          { ...first, amount: amounts[0] },
          { ...second, amount: amounts[1] },
        ],
      });
    expect(of([large, `-${large}`])).toEqual([]);
    expect(of([large, '-1'])).toEqual([`eip155:1/slip44:60 settled: ${2n ** 256n - 2n}`]);
    expect(of(['1', 'x'])).toEqual(['eip155:1/slip44:60 settled: no amount']);
    expect(imbalance({ ...transaction, entries: [first, { ...second, layer: 'inflight' }] })).toHaveLength(2);
  });
});
