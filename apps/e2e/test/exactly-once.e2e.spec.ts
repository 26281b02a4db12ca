import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Anvil } from '@quittance/testing';

import { query, tokenBalance, transactionCount, trialBalance, usedAuthorizations } from '../src/books.js';
import { type Answer, eventually, get, post } from '../src/http.js';
import { defaultAmount, Payer, type SignedPayment } from '../src/payer.js';
import { type Stack, startStack } from '../src/stack.js';
import { postgresTransport } from '../src/transport.js';

/** Two facilitators behind one database: whatever is asked twice happens once, and what cannot be paid is refused. */
let stack: Stack;
let chain: Anvil;

beforeAll(async () => {
  stack = await startStack({ transport: postgresTransport, facilitators: 2 });
  chain = stack.chains[0] as Anvil;
});

afterAll(async () => {
  await stack?.stop();
});

const settleAt = async (which: number, payment: SignedPayment['body']): Promise<Answer> =>
  post(`${stack.facilitators[which % stack.facilitators.length]?.url}/settle`, payment);

const usedBy = async (payer: Payer) =>
  (await usedAuthorizations(chain)).filter((used) => used.payer === payer.account.address.toLowerCase());

async function bookedState(payment: SignedPayment): Promise<unknown> {
  return eventually('the ledger books the payment', async () => {
    const { body } = await get(`${stack.ledger.url}/payments/${payment.id}`);
    return body['state'] === 'confirmed' ? body['state'] : undefined;
  });
}

describe('100 identical settle requests at once, over two processes', () => {
  it('make one transaction, 100 equal answers and one set of entries', async () => {
    const payer = await Payer.funded(chain, 1_000_000n);
    const payment = await payer.pay(chain);
    const sentBefore = await transactionCount(chain, stack.relayer);

    const answers = await Promise.all(
      Array.from({ length: 100 }, async (_, which) => settleAt(which, payment.body)),
    );

    const first = answers[0];
    expect(first).toMatchObject({
      status: 200,
      body: { success: true, network: 'eip155:84532', payer: expect.any(String) },
    });
    for (const answer of answers)
      expect({ status: answer.status, body: answer.body }).toEqual({
        status: first?.status,
        body: first?.body,
      });
    expect(await usedBy(payer)).toEqual([
      expect.objectContaining({ nonce: payment.nonce, transaction: first?.body['transaction'] }),
    ]);
    expect((await transactionCount(chain, stack.relayer)) - sentBefore).toBe(1);

    expect(await bookedState(payment)).toBe('confirmed');
    // The two topics may overtake each other: a step that was over before it was heard of posts nothing. None posts twice.
    const twice = await query(
      stack,
      `SELECT event_type, book FROM ledger.transaction WHERE payment_id = $1::uuid GROUP BY 1, 2 HAVING count(*) > 1`,
      [payment.id],
    );
    expect(twice).toEqual([]);
    const lines = await query(
      stack,
      `SELECT left(account.code, 10) AS account, entry.layer::text, sum(entry.amount)::text AS sum
         FROM ledger.entry JOIN ledger.account ON account.id = entry.account_id JOIN ledger.transaction ON transaction.id = entry.transaction_id
        WHERE transaction.payment_id = $1::uuid AND account.book = 'F' GROUP BY 1, 2 HAVING sum(entry.amount) <> 0 ORDER BY 1`,
      [payment.id],
    );
    expect(lines).toEqual([
      { account: 'F:merchant', layer: 'settled', sum: defaultAmount.toString() },
      { account: 'F:payer:ei', layer: 'settled', sum: (-defaultAmount).toString() },
    ]);
    expect(await trialBalance(stack)).toMatchObject({ balanced: true, balancesMatchEntries: true });
  });

  it('get the same answer again long after', async () => {
    const payer = await Payer.funded(chain, 1_000_000n);
    const payment = await payer.pay(chain);
    const first = await settleAt(0, payment.body);
    const again = await settleAt(1, payment.body);
    expect(first.body['success']).toBe(true);
    expect(again.body).toEqual(first.body);
  });
});

describe('the same authorization with different requirements', () => {
  it('is refused at once and at the same time, and nothing is broadcast for it', async () => {
    const payer = await Payer.funded(chain, 1_000_000n);
    const payment = await payer.pay(chain);
    const other = {
      ...payment.body,
      paymentRequirements: { ...payment.body.paymentRequirements, maxTimeoutSeconds: 60 },
    };
    const sentBefore = await transactionCount(chain, stack.relayer);

    const answers = await Promise.all([
      settleAt(0, payment.body),
      settleAt(1, other),
      settleAt(1, payment.body),
      settleAt(0, other),
    ]);

    const won = answers.filter(({ body }) => body['success'] === true);
    const lost = answers.filter(({ body }) => body['success'] === false);
    expect([won.length, lost.length]).toEqual([2, 2]);
    for (const { status, body } of lost) {
      expect({ status, reason: body['errorReason'], transaction: body['transaction'] }).toEqual({
        status: 200,
        reason: 'authorization_conflict',
        transaction: '',
      });
    }
    expect(await usedBy(payer)).toHaveLength(1);
    expect((await transactionCount(chain, stack.relayer)) - sentBefore).toBe(1);
    expect((await settleAt(0, lost[0] === answers[0] ? payment.body : other)).body['success']).toBe(false);
  });

  it('is refused by verify too once it is in the works', async () => {
    const payer = await Payer.funded(chain, 1_000_000n);
    const payment = await payer.pay(chain);
    await settleAt(0, payment.body);
    const { status, body } = await post(`${stack.facilitators[1]?.url}/verify`, payment.body);
    expect({ status, body }).toMatchObject({
      status: 200,
      body: { isValid: false, invalidReason: 'invalid_exact_evm_nonce_already_used' },
    });
  });
});

describe('two payments of a payer’s last dollar at once', () => {
  it('settle one and refuse one as insufficient_funds, every time', async () => {
    for (let round = 0; round < 5; round += 1) {
      const payer = await Payer.funded(chain, defaultAmount);
      const [one, two] = await Promise.all([payer.pay(chain), payer.pay(chain)]);
      const answers = await Promise.all([settleAt(0, one.body), settleAt(1, two.body)]);
      expect(answers.map(({ body }) => body['success']).sort()).toEqual([false, true]);
      expect(answers.find(({ body }) => body['success'] === false)).toMatchObject({
        status: 200,
        body: { errorReason: 'insufficient_funds', transaction: '' },
      });
      expect(await usedBy(payer)).toHaveLength(1);
      expect(
        await tokenBalance(chain, '0x036CbD53842c5426634e7929541eC2318f3dCF7e', payer.account.address),
      ).toBe(0n);
    }
  });
});
