import { describe, expect, it } from '@jest/globals';
import { parsePaymentRequest } from '@quittance/protocol';
import { ExactEvmScheme } from '@x402/evm/exact/client';
import { UptoEvmScheme } from '@x402/evm/upto/client';
import type { Address } from 'viem';

import { exactScenario, relayer } from '../test/permit-scenario.js';
import { asset, payer, seller } from '../test/scenario.js';
import { permit2Address } from './address.js';
import { judgeEvmPayment } from './judgment.js';
import { readEvmPayment } from './read-payment.js';

/** A payer as the published client wants one: with an allowance of nothing, and a chain that answers. */
const signer = {
  address: payer.address,
  signTypedData: (typedData: object) =>
    payer.signTypedData(typedData as Parameters<typeof payer.signTypedData>[0]),
  signTransaction: (transaction: object) =>
    payer.signTransaction(transaction as Parameters<typeof payer.signTransaction>[0]),
  readContract: () => Promise.resolve(0n),
  getTransactionCount: () => Promise.resolve(7),
};

const requirements = (scheme: 'exact' | 'upto', extra: Record<string, unknown>) => ({
  scheme,
  network: 'eip155:84532' as const,
  amount: '10000',
  asset,
  payTo: seller,
  maxTimeoutSeconds: 300,
  extra,
});
type Requirements = ReturnType<typeof requirements>;

async function paid(accepted: Requirements, offered: Record<string, unknown> = {}) {
  const scheme = accepted.scheme === 'upto' ? new UptoEvmScheme(signer) : new ExactEvmScheme(signer);
  const made = await scheme.createPaymentPayload(2, accepted, { extensions: offered });
  const parsed = parsePaymentRequest({
    x402Version: 2,
    paymentPayload: { ...made, accepted },
    paymentRequirements: accepted,
  });
  if (!parsed.ok) throw new TypeError(parsed.message);
  const reading = readEvmPayment(parsed.request, { purpose: 'verify' });
  if (!reading.ok) throw new TypeError(reading.message);
  return reading.payment;
}

/** A minute before the end of what was signed, on a chain that tells what `tried` tells. */
function judge(payment: Awaited<ReturnType<typeof paid>>, tried: object = {}) {
  return judgeEvmPayment({
    payment,
    facts: { ...exactScenario.facts, blockTime: payment.validBefore - 60n, allowance: 0n, ...tried },
    nowSeconds: payment.validBefore - 60n,
    purpose: 'verify',
    factories: [],
    relayers: [relayer],
  });
}

const token = { name: 'USDC', version: '2' };
const permit2 = { assetTransferMethod: 'permit2', ...token };
const upto = { facilitatorAddress: relayer, ...token };
const offer = { info: { description: 'offered', version: '1' }, schema: {} };
const payerAddress = payer.address.toLowerCase() as Address;

describe('A payment by the published client', () => {
  it.each([
    ['exact with EIP-3009', requirements('exact', token), 'eip3009'],
    ['exact with Permit2', requirements('exact', permit2), 'permit2'],
    ['upto', requirements('upto', upto), 'permit2'],
  ])('is read and good: %s', async (_what, accepted, method) => {
    const payment = await paid(accepted);
    expect(payment).toMatchObject({ method, scheme: accepted.scheme, payer: payerAddress });
    expect(judge(payment)).toEqual({ ok: true });
  });

  it.each([requirements('exact', permit2), requirements('upto', upto)])(
    'is good with its EIP-2612 permit: $scheme',
    async (accepted) => {
      const payment = await paid(accepted, { eip2612GasSponsoring: offer });
      expect(payment).toMatchObject({
        sponsoring: { kind: 'eip2612', from: payerAddress, spender: permit2Address, amount: 10_000n },
      });
      expect(judge(payment)).toEqual({ ok: true });
    },
  );

  it.each([requirements('exact', permit2), requirements('upto', upto)])(
    'is good with its signed approval, though it cannot be tried before: $scheme',
    async (accepted) => {
      const payment = await paid(accepted, { erc20ApprovalGasSponsoring: offer });
      expect(payment).toMatchObject({ sponsoring: { kind: 'erc20_approval', amount: 2n ** 256n - 1n } });
      const tried = { simulation: { ok: false, revert: 'TRANSFER_FROM_FAILED' } };
      expect(judge(payment, tried)).toEqual({ ok: true });
    },
  );
});
