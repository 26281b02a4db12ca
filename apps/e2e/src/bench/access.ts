import { cpus } from 'node:os';

import { buy } from '../agent.js';
import { merchant, Payer } from '../payer.js';
import { openShop } from '../shop.js';
import { startStack } from '../stack.js';
import { postgresTransport, startKafkaTransport, type Transport } from '../transport.js';
import { figuresOf, type Figures, quantile, result } from '../figures.js';

/**
 * Time from a client's first 402 to the goods: `@x402/fetch` buys from `@x402/express` on an automined chain, with
 * verification, settlement on chain and every service's persistence in between.
 */
const warmUpPurchases = 20;
const purchasesPerRound = 100;
const concurrencies = [1, 4] as const;
const pocketMoney = 1_000_000_000n;

async function measure(transport: Transport): Promise<Figures> {
  const stack = await startStack({ transport });
  const chain = stack.chains[0];
  const facilitator = stack.facilitators[0];
  if (chain === undefined || facilitator === undefined)
    throw new Error('the stack has no chain or no facilitator');
  const shop = await openShop({
    facilitatorUrl: facilitator.url,
    chainId: chain.chainId,
    price: '$0.001',
    payTo: merchant,
  });
  try {
    const payers = await Promise.all(
      Array.from({ length: Math.max(...concurrencies) }, async () => Payer.funded(chain, pocketMoney)),
    );
    await purchases({ goods: shop.goods, payers, count: warmUpPurchases, chainId: chain.chainId });
    const figures: Record<string, number> = {};
    for (const concurrency of concurrencies) {
      const tookMs = await purchases({
        goods: shop.goods,
        payers: payers.slice(0, concurrency),
        count: purchasesPerRound,
        chainId: chain.chainId,
      });
      Object.assign(figures, figuresOf(`c${concurrency}`, tookMs));
      console.log(
        `${transport.kind}, ${concurrency} at once: p50 ${quantile(tookMs, 0.5).toFixed(1)} ms, p95 ${quantile(tookMs, 0.95).toFixed(1)} ms`,
      );
    }
    return figures;
  } finally {
    shop.close();
    await stack.stop();
    await transport.stop();
  }
}

type Round = {
  readonly goods: string;
  readonly payers: readonly Payer[];
  readonly count: number;
  readonly chainId: number;
};

/** Each payer buys one after the other; the time runs from the moment his client holds the 402. */
async function purchases({ goods, payers, count, chainId }: Round): Promise<number[]> {
  const tookMs: number[] = [];
  let left = count;
  await Promise.all(
    payers.map(async (payer) => {
      while (left > 0) {
        left -= 1;
        let asked = 0;
        const bought = await buy(goods, payer, {
          chainId,
          onPaymentRequired: () => (asked = performance.now()),
        });
        tookMs.push(performance.now() - asked);
        if (bought.status !== 200 || bought.settlement?.success !== true)
          throw new Error(`a purchase failed: ${JSON.stringify(bought)}`);
      }
    }),
  );
  return tookMs;
}

const prefixed = (prefix: string, figures: Figures): Figures =>
  Object.fromEntries(Object.entries(figures).map(([name, value]) => [`${prefix}_${name}`, value]));

const embedded = prefixed('embedded', await measure(postgresTransport));
const kafka = await startKafkaTransport();
if ('unavailable' in kafka) console.log(`The Kafka half is left out: ${kafka.unavailable}`);
const overKafka = 'unavailable' in kafka ? {} : prefixed('kafka', await measure(kafka));

result({
  bench: 'access',
  conditions: {
    chain: 'anvil, automined',
    purchases: purchasesPerRound,
    clients: '@x402/fetch and @x402/express 2.27',
    cores: cpus().length,
    node: process.version,
  },
  figures: { ...embedded, ...overKafka },
});
process.exit(0);
