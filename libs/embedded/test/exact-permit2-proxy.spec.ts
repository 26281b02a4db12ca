import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import {
  type Address,
  concat,
  encodeFunctionData,
  type Hex,
  numberToHex,
  parseEventLogs,
  size,
  toFunctionSelector,
  zeroAddress,
} from 'viem';

import { mintDevToken } from '../src/dev-chain.js';
import { devExactProxyAbi, devPermit2, devPermit2Abi } from '../src/dev-permit2.js';
import { devTokenAbi, devUsdc } from '../src/dev-token.js';
import {
  approveOf,
  type ContractCall,
  type DevChainFixture,
  farFuture,
  newAccount,
  price,
  splitSignature,
  startDevChain,
} from './dev-chain.fixture.js';
import { type Approval, approvalBy, exactCall, exactTerms, permitOf, sign } from './permit2.fixture.js';

let chain: DevChainFixture;

beforeAll(async () => {
  chain = await startDevChain();
});
afterAll(async () => chain.stop());

async function isSpent(owner: Address, nonce: bigint): Promise<boolean> {
  const word = await chain.client.readContract({
    address: devPermit2.permit2,
    abi: devPermit2Abi,
    functionName: 'nonceBitmap',
    args: [owner, nonce >> 8n],
  });
  return ((word >> (nonce & 255n)) & 1n) === 1n;
}

describe('The exact proxy', () => {
  it('brings the permitted amount to the signed payee, whoever settles', async () => {
    const payer = await chain.newPayer({ approved: true });
    const signed = await sign(payer, exactTerms(payer.address));
    const receipt = await chain.send(exactCall(signed), chain.stranger);
    expect(await chain.balanceOf(signed.to)).toBe(price);
    expect(await isSpent(payer.address, signed.nonce)).toBe(true);
    const events = parseEventLogs({ abi: devExactProxyAbi, logs: receipt.logs });
    expect(events.map(({ eventName, address }) => [eventName, address.toLowerCase()])).toEqual([
      ['Settled', devPermit2.exactProxy.toLowerCase()],
    ]);
  });

  it('settles a nonce once', async () => {
    const payer = await chain.newPayer({ approved: true });
    const signed = await sign(payer, exactTerms(payer.address));
    await chain.send(exactCall(signed));
    expect(await chain.reasonOf(exactCall(signed))).toBe('InvalidNonce');
    const other = await sign(payer, exactTerms(payer.address, { nonce: signed.nonce, amount: 1n }));
    expect(await chain.reasonOf(exactCall(other))).toBe('InvalidNonce');
  });

  it('refuses a nonce that the payer took back', async () => {
    const payer = await chain.newPayer({ approved: true });
    const signed = await sign(payer, exactTerms(payer.address));
    const args = [signed.nonce >> 8n, 1n << (signed.nonce & 255n)];
    const call = {
      to: devPermit2.permit2,
      abi: devPermit2Abi,
      functionName: 'invalidateUnorderedNonces',
      args,
    };
    await chain.send(call, payer);
    expect(await chain.reasonOf(exactCall(signed))).toBe('InvalidNonce');
  });

  it.each([
    ['payee', { to: newAccount().address }],
    ['start', { validAfter: 1n }],
    ['amount', { amount: price + 1n }],
    ['token', { token: '0x5000000000000000000000000000000000000018' as const }],
    ['nonce', { nonce: 7n }],
    ['deadline', { deadline: farFuture + 1n }],
    ['payer', { owner: newAccount().address }],
  ])('refuses another %s than was signed', async (_, change) => {
    const payer = await chain.newPayer({ approved: true });
    const signed = await sign(payer, exactTerms(payer.address));
    expect(await chain.reasonOf(exactCall({ ...signed, ...change }))).toBe('InvalidSigner');
  });

  it('refuses what was signed for another spender, and nobody else can spend what was signed for it', async () => {
    const payer = await chain.newPayer({ approved: true });
    const elsewhere = await sign(payer, exactTerms(payer.address, { spender: chain.stranger.address }));
    expect(await chain.reasonOf(exactCall(elsewhere))).toBe('InvalidSigner');

    const signed = await sign(payer, exactTerms(payer.address));
    const theft: ContractCall = {
      to: devPermit2.permit2,
      abi: devPermit2Abi,
      functionName: 'permitTransferFrom',
      args: [
        permitOf(signed),
        { to: chain.stranger.address, requestedAmount: price },
        payer.address,
        signed.signature,
      ],
    };
    expect(await chain.reasonOf(theft, chain.stranger.address)).toBe('InvalidSigner');
  });

  it('keeps to the time that was signed', async () => {
    const payer = await chain.newPayer({ approved: true });
    const { timestamp } = await chain.client.getBlock();
    const late = await sign(payer, exactTerms(payer.address, { deadline: timestamp - 1n }));
    expect(await chain.reasonOf(exactCall(late))).toBe('SignatureExpired');
    const early = await sign(payer, exactTerms(payer.address, { validAfter: timestamp + 1_000n }));
    expect(await chain.reasonOf(exactCall(early))).toBe('PaymentTooEarly');
  });

  it.each([
    ['an amount of 0', { amount: 0n }, 'InvalidAmount'],
    ['no payer', { owner: zeroAddress }, 'InvalidOwner'],
    ['no payee', { to: zeroAddress }, 'InvalidDestination'],
  ])('refuses %s', async (_, change, reason) => {
    const payer = await chain.newPayer({ approved: true });
    const signed = await sign(payer, { ...exactTerms(payer.address), ...change });
    expect(await chain.reasonOf(exactCall(signed))).toBe(reason);
  });

  it('refuses a signature of another length', async () => {
    const payer = await chain.newPayer({ approved: true });
    const signed = await sign(payer, exactTerms(payer.address));
    const longer = exactCall({ ...signed, signature: `${signed.signature}00` });
    expect(await chain.reasonOf(longer)).toBe('InvalidSignatureLength');
  });

  it('needs money, and an allowance for Permit2', async () => {
    const payer = await chain.newPayer();
    const unapproved = await sign(payer, exactTerms(payer.address));
    expect(await chain.reasonOf(exactCall(unapproved))).toBe('TRANSFER_FROM_FAILED');
    await chain.send(approveOf(devPermit2.permit2), payer);
    expect(await chain.reasonOf(exactCall(unapproved))).toBeNull();
    const tooMuch = await sign(payer, exactTerms(payer.address, { amount: 11n * price }));
    expect(await chain.reasonOf(exactCall(tooMuch))).toBe('TRANSFER_FROM_FAILED');
  });
});

describe('The exact proxy with a permit', () => {
  const permitCall = (owner: Address, { value, deadline, signature }: Approval): ContractCall => {
    const { v, r, s } = splitSignature(signature);
    const args = [owner, devPermit2.permit2, value, deadline, v, r, s];
    return { to: devUsdc.address, abi: devTokenAbi, functionName: 'permit', args };
  };

  it('pays for somebody who never approved anything', async () => {
    const payer = await chain.newPayer();
    const signed = await sign(payer, exactTerms(payer.address));
    const receipt = await chain.send(exactCall(signed, await approvalBy(payer)), chain.stranger);
    expect(await chain.balanceOf(signed.to)).toBe(price);
    expect(await chain.allowanceOf(payer.address)).toBe(0n);
    const events = parseEventLogs({ abi: devExactProxyAbi, logs: receipt.logs });
    expect(events.map(({ eventName }) => eventName)).toEqual(['SettledWithPermit']);
  });

  it('refuses a permit of another amount than that of the payment', async () => {
    const payer = await chain.newPayer();
    const signed = await sign(payer, exactTerms(payer.address));
    const more = await approvalBy(payer, { value: price + 1n });
    expect(await chain.reasonOf(exactCall(signed, more))).toBe('Permit2612AmountMismatch');
  });

  it('pays although somebody brought the permit to the token first', async () => {
    const payer = await chain.newPayer();
    const approval = await approvalBy(payer);
    const signed = await sign(payer, exactTerms(payer.address));
    await chain.send(permitCall(payer.address, approval), chain.stranger);
    await chain.send(exactCall(signed, approval));
    expect(await chain.balanceOf(signed.to)).toBe(price);
  });

  it('does not pay where the permit fails and there is no allowance', async () => {
    const payer = await chain.newPayer();
    const signed = await sign(payer, exactTerms(payer.address));
    const stale = await approvalBy(payer, { nonce: 1n });
    expect(await chain.reasonOf(exactCall(signed, stale))).toBe('TRANSFER_FROM_FAILED');
  });
});

it('The exact proxy does not let a token settle a second payment inside the first', async () => {
  const victim = await chain.newPayer({ approved: true });
  const inner = await sign(victim, exactTerms(victim.address));
  const { abi, functionName, args } = exactCall(inner);
  const token = newAccount().address;
  const bytecode = callingBackToken(
    encodeFunctionData({ abi: abi as typeof devExactProxyAbi, functionName, args } as never),
  );
  await chain.client.setCode({ address: token, bytecode });

  const payer = newAccount();
  await mintDevToken(chain.anvil.rpcUrl, { token: devUsdc.address, to: payer.address, amount: price });
  await chain.send(exactCall(await sign(payer, exactTerms(payer.address, { token }))));
  const answer = await chain.client.getStorageAt({ address: token, slot: '0x0' });
  expect(answer?.slice(0, 10)).toBe(toFunctionSelector('ReentrancyGuardReentrantCall()'));
  expect(await chain.balanceOf(inner.to)).toBe(0n);
});

/** A token that on any call does `callback` to the exact proxy, keeps the answer in slot 0, and says true. */
function callingBackToken(callback: Hex): Hex {
  const length = numberToHex(size(callback), { size: 2 });
  const program = (offset: Hex): Hex =>
    concat([
      ...(['0x61', length, '0x61', offset, '0x600039'] as const), // memory[0..] = callback
      ...(['0x6000600061', length, '0x6000600073', devPermit2.exactProxy, '0x5af150'] as const), // call it
      '0x3d600060003e600051600055', // storage[0] = the first word of the answer
      '0x600160005260206000f3', // return true
    ]);
  const offset = numberToHex(size(program('0x0000')), { size: 2 });
  return concat([program(offset), callback]);
}
