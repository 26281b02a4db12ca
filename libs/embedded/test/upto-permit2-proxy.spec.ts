import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { parseEventLogs } from 'viem';

import { devUptoProxyAbi } from '../src/dev-permit2.js';
import { type DevChainFixture, price, startDevChain } from './dev-chain.fixture.js';
import { approvalBy, sign, uptoCall, uptoTerms } from './permit2.fixture.js';

let chain: DevChainFixture;

beforeAll(async () => {
  chain = await startDevChain();
});
afterAll(async () => chain.stop());

async function signedCeiling(changes = {}, approved = true) {
  const payer = await chain.newPayer({ approved });
  const terms = uptoTerms(payer.address, { facilitator: chain.relayer.address, ...changes });
  return { payer, signed: await sign(payer, terms) };
}

describe('The upto proxy', () => {
  it('brings what the signed facilitator says to the signed payee, and that once', async () => {
    const { payer, signed } = await signedCeiling();
    const receipt = await chain.send(uptoCall(signed, 4_000n));
    expect(await chain.balanceOf(signed.to)).toBe(4_000n);
    expect(await chain.balanceOf(payer.address)).toBe(10n * price - 4_000n);
    const events = parseEventLogs({ abi: devUptoProxyAbi, logs: receipt.logs });
    expect(events.map(({ eventName }) => eventName)).toEqual(['Settled']);
    expect(await chain.reasonOf(uptoCall(signed, 1n))).toBe('InvalidNonce');
  });

  it('pays up to the ceiling and no more', async () => {
    const { signed } = await signedCeiling();
    expect(await chain.reasonOf(uptoCall(signed, price + 1n))).toBe('AmountExceedsPermitted');
    await chain.send(uptoCall(signed, price));
    expect(await chain.balanceOf(signed.to)).toBe(price);
  });

  it('spends the nonce by a payment of 0', async () => {
    const { signed } = await signedCeiling();
    await chain.send(uptoCall(signed, 0n));
    expect(await chain.balanceOf(signed.to)).toBe(0n);
    expect(await chain.reasonOf(uptoCall(signed, price))).toBe('InvalidNonce');
  });

  it('refuses everybody but the signed facilitator', async () => {
    const { signed } = await signedCeiling();
    const [relayer, stranger] = [chain.relayer.address, chain.stranger.address];
    expect(await chain.reasonOf(uptoCall(signed, 1n), relayer)).toBeNull();
    expect(await chain.reasonOf(uptoCall(signed, 1n), stranger)).toBe('UnauthorizedFacilitator');
    const usurped = { ...signed, facilitator: stranger };
    expect(await chain.reasonOf(uptoCall(usurped, 1n), stranger)).toBe('InvalidSigner');
  });

  it('refuses another payee, a higher ceiling, another start', async () => {
    const { payer, signed } = await signedCeiling();
    for (const change of [{ to: payer.address }, { amount: price + 1n }, { validAfter: 1n }]) {
      expect(await chain.reasonOf(uptoCall({ ...signed, ...change }, 1n))).toBe('InvalidSigner');
    }
  });

  it('keeps to the time that was signed', async () => {
    const { timestamp } = await chain.client.getBlock();
    const late = await signedCeiling({ deadline: timestamp - 1n });
    expect(await chain.reasonOf(uptoCall(late.signed, 1n))).toBe('SignatureExpired');
    const early = await signedCeiling({ validAfter: timestamp + 1_000n });
    expect(await chain.reasonOf(uptoCall(early.signed, 1n))).toBe('PaymentTooEarly');
  });
});

describe('The upto proxy with a permit', () => {
  it('pays a part for somebody who never approved anything', async () => {
    const { payer, signed } = await signedCeiling({}, false);
    const receipt = await chain.send(uptoCall(signed, 4_000n, await approvalBy(payer)));
    expect(await chain.balanceOf(signed.to)).toBe(4_000n);
    const events = parseEventLogs({ abi: devUptoProxyAbi, logs: receipt.logs });
    expect(events.map(({ eventName }) => eventName)).toEqual(['SettledWithPermit']);
  });

  it('wants a permit of the ceiling, not of what is paid', async () => {
    const { payer, signed } = await signedCeiling({}, false);
    const partial = await approvalBy(payer, { value: 4_000n });
    expect(await chain.reasonOf(uptoCall(signed, 4_000n, partial))).toBe('Permit2612AmountMismatch');
  });

  it('leaves a stranger no way to spend by a permit', async () => {
    const { payer, signed } = await signedCeiling({}, false);
    const call = uptoCall(signed, 1n, await approvalBy(payer));
    expect(await chain.reasonOf(call, chain.stranger.address)).toBe('UnauthorizedFacilitator');
  });
});
