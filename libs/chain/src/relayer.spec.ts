import { inspect } from 'node:util';

import { describe, expect, it } from '@jest/globals';
import {
  keccak256,
  parseTransaction,
  recoverTransactionAddress,
  type TransactionSerializedEIP1559,
} from 'viem';
import { generatePrivateKey } from 'viem/accounts';

import { Relayer } from './relayer.js';

const privateKey = generatePrivateKey();
const relayer = Relayer.fromKey(privateKey);
const transaction = {
  chainNumber: 84_532,
  nonce: 7n,
  to: '0x036cbd53842c5426634e7929541ec2318f3dcf7e',
  data: '0xe3ee160e',
  gas: 100_000n,
  type: 'eip1559',
  fees: { maxFeePerGas: 2_000_000_001n, maxPriorityFeePerGas: 1n },
  value: 0n,
} as const;

describe('A relayer', () => {
  it('signs the transaction it is given, and knows its hash', async () => {
    const { raw, hash } = relayer.sign(transaction);
    const { chainNumber, nonce, to, data, gas, fees } = transaction;
    expect(parseTransaction(raw)).toMatchObject({
      to,
      data,
      gas,
      ...fees,
      chainId: chainNumber,
      nonce: Number(nonce),
      type: 'eip1559',
    });
    const signer = await recoverTransactionAddress({
      serializedTransaction: raw as TransactionSerializedEIP1559,
    });
    expect(signer.toLowerCase()).toBe(relayer.address);
    expect(hash).toBe(keccak256(raw));
  });

  it('signs the same transaction to the same bytes', () => {
    expect(relayer.sign(transaction)).toEqual(relayer.sign({ ...transaction }));
  });

  it('shows its address and not its key, however it is printed', () => {
    const printed = [
      String(relayer),
      JSON.stringify({ relayer }),
      inspect(relayer, { showHidden: true, depth: 10 }),
      inspect({ relayer }, { getters: true }),
      JSON.stringify(Object.entries(relayer)),
      JSON.stringify({ ...relayer }),
    ].join('\n');
    expect(printed).toContain(relayer.address);
    expect(printed).not.toContain(privateKey.slice(2));
    expect(printed).not.toContain(privateKey.slice(2, 20));
  });
});
