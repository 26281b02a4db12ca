import { performance } from 'node:perf_hooks';

import { devUsdc, mintDevToken } from '@quittance/embedded';
import { paymentIdOf } from '@quittance/protocol';
import { parseChainId } from '@quittance/money';
import type { Address, Hex } from 'viem';
import { generatePrivateKey, privateKeyToAddress } from 'viem/accounts';

import { buy, buyLegacy, type Receipt } from './agent.js';
import { startFacilitatorTap } from './facilitator-tap.js';
import { openLegacyShop, openShop, type Shop, type ShopOptions } from './shop.js';
import { StandaloneError } from './standalone.error.js';
import { Timeline, type TimelineRow } from './timeline.js';

/** A dollar: more than enough for one purchase of a cent. */
const pocketMoney = 1_000_000n;

export type Generation = 'v2' | 'v1';

export type Purchase = {
  readonly generation: Generation;
  readonly payer: Address;
  readonly paymentId: string;
  readonly transaction: string;
  readonly rows: readonly TimelineRow[];
};

type Pair = {
  readonly open: (options: ShopOptions) => Promise<Shop>;
  readonly buy: (url: string, payerKey: Hex, timeline: Timeline) => Promise<Receipt>;
};

const pairs: Readonly<Record<Generation, Pair>> = {
  v2: { open: openShop, buy },
  v1: { open: openLegacyShop, buy: buyLegacy },
};

export type PurchaseOptions = {
  readonly generation: Generation;
  readonly facilitatorUrl: string;
  readonly rpcUrl: string;
  readonly payTo: Address;
};

/**
 * One agent with a new key, a dollar and no gas buys one thing from one shop.
 *
 * @throws StandaloneError when it does not get it.
 */
export async function makePurchase(options: PurchaseOptions): Promise<Purchase> {
  const pair = pairs[options.generation];
  const payerKey = generatePrivateKey();
  const payer = privateKeyToAddress(payerKey);
  await mintDevToken(options.rpcUrl, { token: devUsdc.address, to: payer, amount: pocketMoney });
  const timeline = new Timeline(() => performance.now());
  const tap = await startFacilitatorTap(options.facilitatorUrl);
  tap.onAnswer = (path) => {
    if (path.endsWith('/verify')) timeline.mark('verified');
    if (path.endsWith('/settle')) timeline.mark('settled');
  };
  const shop = await pair.open({ facilitatorUrl: tap.url, payTo: options.payTo });
  try {
    const receipt = await pair.buy(shop.goods, payerKey, timeline);
    return { generation: options.generation, payer, ...paid(receipt), rows: timeline.rows() };
  } finally {
    shop.close();
    tap.close();
  }
}

function paid({
  status,
  body,
  transaction,
  authorization,
}: Receipt): Pick<Purchase, 'paymentId' | 'transaction'> {
  if (status !== 200 || transaction === undefined || authorization === undefined) {
    throw new StandaloneError('purchase_failed', `The shop answered ${status} instead of the goods: ${body}`);
  }
  const paymentId = paymentIdOf({
    chainId: parseChainId('eip155:84532'),
    asset: devUsdc.address.toLowerCase(),
    payer: authorization.from.toLowerCase(),
    nonce: authorization.nonce.toLowerCase(),
  });
  return { paymentId, transaction };
}
