import { describe, expect, it } from '@jest/globals';
import { uptoPermit2ProxyAddress } from '@quittance/exact-evm';
import { evmChainId } from '@quittance/money';
import { createLogger } from '@quittance/observability';
import type { Address } from 'viem';

import { type OfferingChain, OfferWatch } from './offer.loop.js';
import { type Offer, supported } from './supported.js';

const relayers: readonly Address[] = [`0x${'f1'.repeat(20)}`, `0x${'f2'.repeat(20)}`];
const whole: Offer = {
  chainId: evmChainId(84_532),
  relayers,
  payingRelayers: relayers,
  hasExactProxy: true,
  hasUptoProxy: true,
};
const logger = createLogger({
  service: 'test',
  level: 'silent' as 'fatal',
  destination: { write: () => undefined },
});

const uptoOf = (offer: Partial<Offer>, turn = 0) =>
  supported([{ ...whole, ...offer }], turn).kinds.filter(({ scheme }) => scheme === 'upto');

describe('what is offered', () => {
  it('by upto names relayers that can pay, in turns', () => {
    const named = [0, 1, 2].map((turn) => uptoOf({}, turn)[0]?.extra);
    expect(named).toEqual(
      [relayers[0], relayers[1], relayers[0]].map((address) => ({ facilitatorAddress: address })),
    );
    expect(uptoOf({ payingRelayers: [relayers[1] as Address] }, 4)).toMatchObject([
      { x402Version: 2, extra: { facilitatorAddress: relayers[1] } },
    ]);
  });

  it('by upto is nothing where no relayer can pay, or the proxy is not there; exact is still offered', () => {
    for (const offer of [{ payingRelayers: [] }, { hasUptoProxy: false }]) {
      expect(uptoOf(offer)).toEqual([]);
      expect(supported([{ ...whole, ...offer }], 0).kinds).toHaveLength(2);
    }
  });

  it('has the approvals that we pay for only where Permit2 settles, and ids everywhere', () => {
    expect(supported([whole], 0).extensions).toEqual([
      'eip2612GasSponsoring',
      'erc20ApprovalGasSponsoring',
      'payment-identifier',
    ]);
    expect(supported([{ ...whole, hasExactProxy: false, hasUptoProxy: false }], 0).extensions).toEqual([
      'payment-identifier',
    ]);
  });
});

describe('watching what can be offered', () => {
  it('follows the relayers’ money and the contracts, and keeps the last of it while a chain does not answer', async () => {
    let wei = 10n;
    let isDown = false;
    const chain: OfferingChain = {
      chainId: whole.chainId,
      relayers,
      relayerBalanceMin: 10n,
      balance: async (address) => {
        if (isDown) throw new RangeError('down');
        return address === relayers[0] ? wei : 0n;
      },
      hasCode: async (address) => address !== uptoPermit2ProxyAddress,
    };
    const watch = new OfferWatch({ chains: [chain], logger, intervalMs: 1 });
    expect(watch.offers()).toEqual([
      { ...whole, payingRelayers: [], hasExactProxy: false, hasUptoProxy: false },
    ]);
    watch.start();
    const paying = () => watch.offers()[0]?.payingRelayers;
    const untilPaying = async (count: number) => {
      while (paying()?.length !== count) await new Promise((resolve) => setTimeout(resolve, 1));
    };
    try {
      await untilPaying(1);
      expect(watch.offers()).toEqual([{ ...whole, payingRelayers: [relayers[0]], hasUptoProxy: false }]);
      isDown = true;
      await new Promise((resolve) => setTimeout(resolve, 20));
      expect(paying()).toHaveLength(1);
      [isDown, wei] = [false, 9n];
      await untilPaying(0);
    } finally {
      await watch.close();
    }
  });
});
