import { setTimeout as sleep } from 'node:timers/promises';

import { z } from 'zod';

import { StandaloneError } from './standalone.error.js';

const postedTimeoutMs = 20_000;
const pollIntervalMs = 50;
const requestTimeoutMs = 5_000;

const assetSchema = z.object({ id: z.string(), symbol: z.string().nullable(), scale: z.number().nullable() });
const entrySchema = z.object({
  account: z.string(),
  asset: assetSchema,
  layer: z.string(),
  amount: z.string(),
});
const paymentSchema = z.object({
  state: z.string(),
  transactions: z.array(z.object({ book: z.string(), event: z.string(), entries: z.array(entrySchema) })),
});
const trialBalanceSchema = z.object({
  balanced: z.boolean(),
  balancesMatchEntries: z.boolean(),
  rows: z.array(
    z.object({
      book: z.string(),
      asset: assetSchema,
      layer: z.string(),
      debits: z.string(),
      credits: z.string(),
      difference: z.string(),
    }),
  ),
});

const verifiedSchema = z.object({ verification: trialBalanceSchema });

/** The parts of the ledger's answers that are shown here. */
export type BookedPayment = z.output<typeof paymentSchema>;
export type TrialBalance = z.output<typeof trialBalanceSchema>;
export type BookedAsset = z.output<typeof assetSchema>;

/** Reads the ledger over its public API. */
export class Books {
  constructor(private readonly url: string) {}

  /**
   * A payment, once its confirmation is posted.
   *
   * @throws StandaloneError when that takes too long.
   */
  async posted(paymentId: string): Promise<BookedPayment> {
    const deadline = Date.now() + postedTimeoutMs;
    while (Date.now() < deadline) {
      const answer = await this.#get(`/payments/${paymentId}`);
      if (answer.ok) {
        const payment = paymentSchema.parse(await answer.json());
        if (payment.transactions.some(({ event }) => event === 'settlement.confirmed')) return payment;
      }
      await sleep(pollIntervalMs);
    }
    throw new StandaloneError(
      'books_wrong',
      `The ledger did not post payment ${paymentId} within ${postedTimeoutMs / 1000} s.`,
    );
  }

  /**
   * The trial balance.
   *
   * @throws StandaloneError when it is not zero, or not what the entries sum up to.
   */
  async trialBalance(): Promise<TrialBalance> {
    const answer = await this.#get('/trial-balance?verify=true');
    const { verification: balance } = verifiedSchema.parse(await answer.json());
    const off = balance.rows.filter(({ difference }) => !isZero(difference));
    if (balance.balanced && balance.balancesMatchEntries && off.length === 0) return balance;
    const detail = off
      .map(({ book, asset, layer, difference }) => `${book} ${layer} ${asset.id}: ${difference}`)
      .join('; ');
    throw new StandaloneError(
      'books_wrong',
      `The books do not balance: ${detail || 'kept balances differ from their entries'}`,
    );
  }

  async #get(path: string): Promise<Response> {
    return fetch(`${this.url}${path}`, { signal: AbortSignal.timeout(requestTimeoutMs) });
  }
}

function isZero(amount: string): boolean {
  return /^-?0+(\.0+)?$/.test(amount);
}
