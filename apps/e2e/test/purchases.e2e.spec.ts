import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { devTestDollar, devUsdc } from '@quittance/embedded';
import type { Address } from 'viem';

import { type Bought, buy, buyLegacy } from '../src/agent.js';
import {
  bookedPayment,
  nativeBalance,
  tokenBalance,
  transactionCount,
  trialBalance,
  usedAuthorizations,
} from '../src/books.js';
import { Payer } from '../src/payer.js';
import { openLegacyShop, openShop, type Price, type Shop } from '../src/shop.js';
import { type Stack, startStack } from '../src/stack.js';
import type { Transport } from '../src/transport.js';
import { overBothTransports } from './transports.js';

/**
 * Unmodified clients buy from unmodified servers; our three services, each a process, do the rest. After each
 * purchase the chain is asked what happened, and the ledger must tell the same.
 */
const [home, away] = [84532, 31337];
const aDollar = 1_000_000n;

overBothTransports('a purchase', (startTransport) => {
  let transport: Transport;
  let stack: Stack;
  const shops: Shop[] = [];

  beforeAll(async () => {
    transport = await startTransport();
    stack = await startStack({ transport, chainIds: [home, away] });
  });

  afterAll(async () => {
    for (const shop of shops) shop.close();
    await stack?.stop();
    await transport?.stop();
  });

  const freshAddress = (): Address => new Payer().account.address;
  const facilitatorUrl = (): string => stack.facilitators[0]?.url ?? '';
  const chain = (chainId: number) => {
    const found = stack.chains.find((one) => one.chainId === chainId);
    if (found === undefined) throw new Error(`no chain ${chainId}`);
    return found;
  };

  async function openFor(price: Price, chainId = home): Promise<{ goods: string; payTo: Address }> {
    const payTo = freshAddress();
    const shop = await openShop({ facilitatorUrl: facilitatorUrl(), chainId, price, payTo });
    shops.push(shop);
    return { goods: shop.goods, payTo };
  }

  async function openLegacyFor(price: Price): Promise<{ goods: string; payTo: Address }> {
    const payTo = freshAddress();
    const shop = await openLegacyShop({ facilitatorUrl: facilitatorUrl(), price, payTo });
    shops.push(shop);
    return { goods: shop.goods, payTo };
  }

  type Expected = {
    readonly chainId: number;
    readonly payer: Payer;
    readonly payTo: Address;
    readonly amount: bigint;
    readonly asset: string;
    readonly network: string;
  };

  async function expectSettledAndBooked(bought: Bought, expected: Expected): Promise<void> {
    expect(bought).toMatchObject({
      status: 200,
      body: { weather: 'sunny' },
      settlement: { success: true, network: expected.network },
    });
    const transaction = bought.settlement?.transaction ?? '';

    const onChain = (await usedAuthorizations(chain(expected.chainId))).filter(
      (used) => used.transaction === transaction,
    );
    expect(onChain).toEqual([
      expect.objectContaining({ payer: expected.payer.account.address.toLowerCase() }),
    ]);
    const token = expected.asset.split('erc20:')[1] as Address;
    expect(await tokenBalance(chain(expected.chainId), token, expected.payTo)).toBe(expected.amount);

    const payment = await bookedPayment(stack, transaction, expected.payer.account.address);
    expect(payment).toMatchObject({
      state: 'confirmed',
      settledBy: 'us',
      transaction,
      amount: expected.amount.toString(),
      payer: expected.payer.account.address.toLowerCase(),
      payTo: expected.payTo.toLowerCase(),
      asset: { id: expected.asset },
    });
    const books = await trialBalance(stack);
    expect({ balanced: books.balanced, matching: books.balancesMatchEntries }).toEqual({
      balanced: true,
      matching: true,
    });
  }

  it('of the current generation, priced in dollars, by a payer without gas money', async () => {
    const payer = await Payer.funded(chain(home), aDollar);
    const { goods, payTo } = await openFor('$0.01');

    const bought = await buy(goods, payer, { chainId: home });

    await expectSettledAndBooked(bought, {
      chainId: home,
      payer,
      payTo,
      amount: 10_000n,
      asset: assetOf(home, devUsdc.address),
      network: 'eip155:84532',
    });
    expect(await nativeBalance(chain(home), payer.account.address)).toBe(0n);
    expect(await transactionCount(chain(home), payer.account.address)).toBe(0);
    expect(await tokenBalance(chain(home), devUsdc.address, payer.account.address)).toBe(aDollar - 10_000n);
  });

  it('of the first generation, priced in dollars, answered in its own words', async () => {
    const payer = await Payer.funded(chain(home), aDollar);
    const { goods, payTo } = await openLegacyFor('$0.02');

    const bought = await buyLegacy(goods, payer);

    await expectSettledAndBooked(bought, {
      chainId: home,
      payer,
      payTo,
      amount: 20_000n,
      asset: assetOf(home, devUsdc.address),
      network: 'base-sepolia',
    });
    expect(await nativeBalance(chain(home), payer.account.address)).toBe(0n);
  });

  it('in a second asset with 18 decimals, in both generations', async () => {
    // The first generation’s own schema takes 18 digits at most.
    const amount = 150_000_000_000_000_001n;
    const payer = await Payer.funded(chain(home), 10n * amount, devTestDollar);
    const price = { amount: amount.toString(), token: devTestDollar };
    const current = await openFor(price);
    const legacy = await openLegacyFor(price);

    const bought = await buy(current.goods, payer, { chainId: home, allowedAsset: devTestDollar.address });
    const boughtLegacy = await buyLegacy(legacy.goods, payer, amount);

    const asset = assetOf(home, devTestDollar.address);
    await expectSettledAndBooked(bought, {
      chainId: home,
      payer,
      payTo: current.payTo,
      amount,
      asset,
      network: 'eip155:84532',
    });
    await expectSettledAndBooked(boughtLegacy, {
      chainId: home,
      payer,
      payTo: legacy.payTo,
      amount,
      asset,
      network: 'base-sepolia',
    });
  });

  it('on a second network, leaving the first alone', async () => {
    const payer = await Payer.funded(chain(away), aDollar);
    const { goods, payTo } = await openFor({ amount: '30000', token: devUsdc }, away);
    const before = await usedAuthorizations(chain(home));

    const bought = await buy(goods, payer, { chainId: away, allowedAsset: devUsdc.address });

    await expectSettledAndBooked(bought, {
      chainId: away,
      payer,
      payTo,
      amount: 30_000n,
      asset: assetOf(away, devUsdc.address),
      network: 'eip155:31337',
    });
    expect(await usedAuthorizations(chain(home))).toEqual(before);
  });

  it('that the payer cannot afford leaves him without the goods, and the chain as it was', async () => {
    const payer = await Payer.funded(chain(home), 9_999n);
    const { goods } = await openFor('$0.01');
    const before = await usedAuthorizations(chain(home));

    const refused = await buy(goods, payer, { chainId: home });

    expect(refused).toMatchObject({ status: 402, settlement: null });
    expect(await usedAuthorizations(chain(home))).toEqual(before);
  });
});

function assetOf(chainId: number, address: Address): string {
  return `eip155:${chainId}/erc20:${address.toLowerCase()}`;
}
