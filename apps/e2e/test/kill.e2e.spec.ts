import { setTimeout as sleep } from 'node:timers/promises';

import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { Anvil } from '@quittance/testing';

import {
  accountSums,
  nativeBalance,
  query,
  tokenBalance,
  transactionCount,
  trialBalance,
  usedAuthorizations,
} from '../src/books.js';
import { eventually, post } from '../src/http.js';
import { defaultAmount, Payer, type SignedPayment } from '../src/payer.js';
import { SeededRandom } from '../src/random.js';
import { type Stack, startStack } from '../src/stack.js';
import { postgresTransport } from '../src/transport.js';

/**
 * 200 payments go in while SIGKILL hits a random service every second and it is started again. Then everything is
 * left to heal, and chain, registry and ledger must tell the same story to the last unit.
 */
const payments = 200;
const paymentsAtOnce = 12;
const killEveryMs = 1_000;
const pauseMaxMs = 2_400;
const killsLeast = 15;
const retryDelayMs = 200;
const payersCount = 10;
const merchantForKills = '0x9965507D1a55bcC2695C58ba16FB37d819B0A4dc';
const seed = Number(process.env['E2E_SEED'] ?? 20_261_120);

let stack: Stack;
let chain: Anvil;

beforeAll(async () => {
  stack = await startStack({ transport: postgresTransport, settleWaitMs: 5_000 });
  chain = stack.chains[0] as Anvil;
});

afterAll(async () => {
  await stack?.stop();
});

type Ending = {
  readonly payment: SignedPayment;
  readonly success: boolean;
  readonly reason: string;
  readonly transaction: string;
};

/** Asks until there is an outcome: what a seller does who wants his money, and never more than that. */
async function settleToTheEnd(payment: SignedPayment): Promise<Ending> {
  return eventually(
    `payment ${payment.id} gets an outcome`,
    async () => {
      try {
        const { status, body } = await post(`${stack.facilitators[0]?.url}/settle`, payment.body);
        const reason = String(body['errorReason'] ?? '');
        if (status === 200 && reason !== 'settlement_pending') {
          return {
            payment,
            success: body['success'] === true,
            reason,
            transaction: String(body['transaction']),
          };
        }
      } catch (error) {
        // The facilitator was killed, and its caller sees a broken connection. (By name: Jest has a TypeError of its own.)
        if ((error as Error).name !== 'TypeError') throw error;
      }
      await sleep(retryDelayMs);
      return undefined;
    },
    120_000,
  );
}

it(`settles each of ${payments} payments exactly once while services are killed every second`, async () => {
  const random = new SeededRandom(seed);
  const payers = await Promise.all(
    Array.from({ length: payersCount }, async () => Payer.funded(chain, defaultAmount * 15n)),
  );
  const gasMoneyBefore = await nativeBalance(chain, stack.relayer);
  const endings: Ending[] = [];
  const kills: string[] = [];
  let working = true;

  const killer = (async () => {
    while (working) {
      await sleep(killEveryMs);
      const victim = stack.services[random.below(stack.services.length)];
      if (victim === undefined || !working) continue;
      kills.push(victim.name);
      await victim.kill();
      victim.launch();
    }
  })();

  const queue = Array.from({ length: payments }, (_, index) => index);
  await Promise.all(
    Array.from({ length: paymentsAtOnce }, async () => {
      for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
        const payment = await (payers[next % payersCount] as Payer).pay(chain, { payTo: merchantForKills });
        endings.push(await settleToTheEnd(payment));
        // Spread over the kills, so that each meets payments in every stage.
        await sleep(random.below(pauseMaxMs));
      }
    }),
  );
  working = false;
  await killer;
  await Promise.all(stack.services.map(async (service) => service.ready()));

  expect(kills.length).toBeGreaterThanOrEqual(killsLeast);
  expect(new Set(kills)).toEqual(new Set(['facilitator', 'settlement', 'ledger']));
  expect(endings).toHaveLength(payments);
  const settled = endings.filter(({ success }) => success);
  const refused = endings.filter(({ success }) => !success);
  // Each payer can pay 15 of his 20: the others are refused, and for that reason alone.
  expect({ settled: settled.length, reasons: [...new Set(refused.map(({ reason }) => reason))] }).toEqual({
    settled: payersCount * 15,
    reasons: ['insufficient_funds'],
  });

  const onChain = await usedAuthorizations(chain);
  expect(onChain.map(({ transaction }) => transaction).sort()).toEqual(
    settled.map(({ transaction }) => transaction).sort(),
  );
  expect(new Set(onChain.map(({ nonce }) => nonce)).size).toBe(onChain.length);

  await eventually('the ledger catches up', async () => {
    const [{ n } = { n: 0 }] = await query<{ n: number }>(
      stack,
      `SELECT count(*)::int AS n FROM ledger.transaction WHERE event_type = 'settlement.confirmed' AND book = 'F'`,
    );
    return n >= settled.length ? n : undefined;
  });
  expect(await confirmedPayments()).toEqual({ registry: settled.length, ledger: settled.length });
  await expectBooksToEqualTheChain(settled.length, gasMoneyBefore);
  process.stderr.write(`killed ${kills.length} times (${[...new Set(kills)].join(', ')}), seed ${seed}\n`);
}, 280_000);

async function confirmedPayments(): Promise<{ registry: number; ledger: number }> {
  const [row] = await query<{ registry: number; ledger: number }>(
    stack,
    `SELECT (SELECT count(*)::int FROM facilitator.payment WHERE state = 'confirmed') AS registry,
            (SELECT count(DISTINCT payment_id)::int FROM ledger.transaction WHERE event_type = 'settlement.confirmed') AS ledger`,
  );
  return row ?? { registry: 0, ledger: 0 };
}

async function expectBooksToEqualTheChain(settledCount: number, gasMoneyBefore: bigint): Promise<void> {
  const usdc = '0x036CbD53842c5426634e7929541eC2318f3dCF7e';
  const usdcId = `eip155:84532/erc20:${usdc.toLowerCase()}`;
  const settledLayer = await accountSums(stack, 'settled');

  const arrived = BigInt(settledCount) * defaultAmount;
  expect(settledLayer.get(`F:merchant:eip155:84532:${merchantForKills.toLowerCase()} ${usdcId}`)).toBe(
    arrived,
  );
  expect(await tokenBalance(chain, usdc, merchantForKills)).toBe(arrived);

  const gasSpent = gasMoneyBefore - (await nativeBalance(chain, stack.relayer));
  expect(
    settledLayer.get(`G:wallet:relayer:eip155:84532:${stack.relayer.toLowerCase()} eip155:84532/slip44:60`),
  ).toBe(-gasSpent);
  const [mined] = await query<{ n: number }>(
    stack,
    `SELECT count(*)::int AS n FROM settlement.batch WHERE state = 'mined'`,
  );
  expect(await transactionCount(chain, stack.relayer)).toBe(mined?.n);

  // Nothing is left on its way: what was encumbered or in flight has come back to zero on every account.
  for (const layer of ['encumbered', 'inflight']) {
    expect([layer, [...(await accountSums(stack, layer)).entries()].filter(([, sum]) => sum !== 0n)]).toEqual(
      [layer, []],
    );
  }
  expect(await trialBalance(stack)).toMatchObject({
    balanced: true,
    balancesMatchEntries: true,
    mismatches: [],
  });
}
