import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';

import type { ChainReconciliation } from '../src/reconciliation/chain-reconciliation.repository.js';
import type { EvmChainReader } from '../src/reconciliation/chain-reader.adapter.js';
import { ChainPayments } from './chain-payments.js';
import { ReconciledBooks, readerOf, settle } from './reconciled-books.js';

const shop = '0x209693bc6afc0c5328ba36faf03c514ef312287c';
const relayerAccount = (address: string): string => `G:wallet:relayer:eip155:84532:${address}`;

let chain: ChainPayments;
let books: ReconciledBooks;
let reader: EvmChainReader;
let reconciliation: ChainReconciliation;
let relayer: string;
let treasury: string;

beforeAll(async () => {
  chain = await ChainPayments.start();
  relayer = chain.relayer.address.toLowerCase();
  treasury = chain.others[5]!.address.toLowerCase();
}, 60_000);
afterAll(async () => chain.anvil.stop());

beforeEach(async () => {
  books = await ReconciledBooks.start();
  reader = readerOf(chain.anvil.rpcUrl, relayer);
  reconciliation = books.reconciliation(
    reader,
    new Map([
      [relayer, 'relayer'],
      [treasury, 'treasury'],
    ]),
  );
});
afterEach(async () => books.stop());

async function open(): Promise<string[]> {
  return (await books.breaks(`state = 'open'`)).map(({ type, detail }) => `${type}: ${detail}`);
}

describe('the books and the chain', () => {
  it('agree on payments by us and by others, and on what each wallet of ours holds', async () => {
    const payer = await chain.newPayer(1_000n);
    const payments = [
      await chain.pay({ payer, payTo: shop, amount: 100n }),
      await chain.pay({ payer, payTo: shop, amount: 200n, sender: chain.others[1]! }),
      await chain.pay({ payer, payTo: shop, amount: 300n }),
    ];
    for (const { events } of payments) await books.post(events);
    await settle(reconciliation, reader);
    expect(await open()).toEqual([]);
    const [row] = await books.database.sql('SELECT matched::int FROM ledger.reconciliation');
    expect(row).toEqual({ matched: 5 });
    expect(await books.balance(relayerAccount(relayer))).toBe(
      await chain.client.getBalance({ address: chain.relayer.address }),
    );
  });

  it('differ while an event is late, and agree by themselves once it comes', async () => {
    const payer = await chain.newPayer(1_000n);
    const first = await chain.pay({ payer, payTo: shop, amount: 100n });
    const late = await chain.pay({ payer, payTo: shop, amount: 200n });
    await books.post([...first.events, late.accepted]);
    await settle(reconciliation, reader);
    const before = await books.breaks(`state = 'open'`);
    expect(before.map(({ type, payment_id }) => [type, payment_id])).toEqual(
      expect.arrayContaining([
        ['late', late.paymentId],
        ['missing_in_ledger', null],
      ]),
    );
    expect(before).toHaveLength(2);
    await books.post(late.events);
    await settle(reconciliation, reader);
    const after = await books.breaks();
    expect(after.map(({ state, fixed_by: fixed }) => [state, fixed !== null])).toEqual([
      ['healed', true],
      ['healed', true],
    ]);
  });

  it('agree on what only the chain tells: refunds, gifts, and money between wallets of ours', async () => {
    const payer = await chain.newPayer(1_000n);
    const merchant = await chain.newPayer(1n);
    const payTo = merchant.address.toLowerCase() as `0x${string}`;
    const payment = await chain.pay({ payer, payTo, amount: 400n });
    await books.post(payment.events);
    const refund = await chain.transfer(merchant, payer.address, 400n);
    const gift = await chain.transfer(payer, treasury as `0x${string}`, 7n);
    await chain.send({ to: chain.relayer.address, value: 5n }, chain.others[2]!);
    const topUp = await chain.send({ to: chain.relayer.address, value: 11n }, chain.others[5]!);
    await settle(reconciliation, reader);
    expect(await open()).toEqual([]);
    const healed = await books.breaks(`fixed_by IS NOT NULL`);
    expect(healed.map(({ type, transaction }) => [type, transaction])).toEqual(
      expect.arrayContaining([
        ['missing_in_ledger', refund.transactionHash],
        ['missing_in_ledger', gift.transactionHash],
        ['missing_in_ledger', topUp.receipt.transactionHash],
      ]),
    );
    expect(healed).toHaveLength(5);
    expect(await books.balance(`F:merchant:eip155:84532:${payTo}`)).toBe(0n);
    expect(await books.balance('G:suspense:eip155:84532')).toBe(-12n);
    expect(await books.balance('G:transit:topup:eip155:84532')).toBe(0n);
    for (const [use, wallet] of [
      ['relayer', relayer],
      ['treasury', treasury],
    ] as const) {
      const [row] = await books.database.sql<{ held: string }>(
        `SELECT sum(b.debit - b.credit)::text AS held FROM ledger.balance b JOIN ledger.account a ON a.id = b.account_id
           JOIN ledger.asset s ON s.id = a.asset_id WHERE a.code = $1 AND s.code LIKE '%slip44%'`,
        [`G:wallet:${use}:eip155:84532:${wallet}`],
      );
      expect(row?.held).toBe(String(await chain.client.getBalance({ address: wallet as `0x${string}` })));
    }
    expect(
      await books.database.sql(
        'SELECT kind, payment_id FROM ledger.observed_transfer WHERE payment_id IS NOT NULL',
      ),
    ).toEqual([{ kind: 'transfer.refund', payment_id: payment.paymentId }]);
  });

  it('agree where the node has no old states any more, wallets from where it has them on', async () => {
    const payer = await chain.newPayer(1_000n);
    const payments = [
      await chain.pay({ payer, payTo: shop, amount: 100n }),
      await chain.pay({ payer, payTo: shop, amount: 200n }),
    ];
    for (const { events } of payments) await books.post(events);
    const bound = payments[1]!.receipt.blockNumber;
    reader.hasStates = async (block) => block > bound;
    await settle(reconciliation, reader);
    expect(await open()).toEqual([]);
    await chain.anvil.mine(2);
    const later = await chain.pay({ payer, payTo: shop, amount: 300n });
    await books.post(later.events);
    await settle(reconciliation, reader);
    // The next page begins where there are states: what the wallets held before it is posted with it.
    await chain.anvil.mine(1);
    await settle(reconciliation, reader);
    expect(await open()).toEqual([]);
    expect(await books.balance(relayerAccount(relayer))).toBe(
      await chain.client.getBalance({ address: chain.relayer.address }),
    );
  });

  it('agree again after a reorganisation 20 blocks deep, and name what was posted for blocks that are gone', async () => {
    const payer = await chain.newPayer(10_000n);
    const merchant = await chain.newPayer(1n);
    const payTo = merchant.address.toLowerCase() as `0x${string}`;
    const kept = await chain.pay({ payer, payTo, amount: 1n });
    await chain.anvil.mine(5);
    const payments = [];
    for (let amount = 10n; amount < 18n; amount += 1n)
      payments.push(await chain.pay({ payer, payTo, amount }));
    const gift = await chain.transfer(payer, treasury as `0x${string}`, 7n);
    await chain.anvil.mine(20 - 10);
    for (const { events } of [kept, ...payments]) await books.post(events);
    await settle(reconciliation, reader);
    expect(await open()).toEqual([]);
    // All but the last three come again, in later blocks; what the payer gave does not.
    const again = payments.slice(0, 5);
    await reorganize(
      20,
      again.map(({ raw }) => raw),
    );
    await settle(reconciliation, reader);
    const named = await books.breaks(`type = 'orphaned' AND state = 'open' AND payment_id IS NOT NULL`);
    expect(new Set(named.map(({ payment_id: id }) => id))).toEqual(
      new Set(payments.map(({ paymentId }) => paymentId)),
    );
    expect(
      (await books.breaks(`transaction = '${gift.transactionHash}' AND type = 'orphaned'`))[0],
    ).toMatchObject({
      state: 'healed',
      fixed_by: expect.any(String),
    });
    for (const payment of again) {
      const { reorged, confirmed } = await chain.toldAgain(payment);
      await books.post([reorged, confirmed]);
    }
    for (const payment of payments.slice(5)) await books.post([chain.reorged(payment)]);
    await settle(reconciliation, reader);
    expect(await open()).toEqual([]);
    expect(await books.balance(`F:merchant:eip155:84532:${payTo}`)).toBe(
      (await chain.tokenBalance(payTo)) - 1n,
    );
    expect(await books.balance(relayerAccount(relayer))).toBe(
      await chain.client.getBalance({ address: chain.relayer.address }),
    );
  });
});

async function reorganize(depth: number, raws: readonly string[]): Promise<void> {
  const at = (raw: string, block: number): [string, number] => [raw, block];
  await chain.client.request({
    method: 'anvil_reorg' as never,
    params: [depth, raws.map((raw, index) => at(raw, index + 3))] as never,
  });
}
