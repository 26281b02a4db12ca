/**
 * Goal: what people correct because of a break stays corrected: the books agree with the chain, and nothing is left open.
 * Method: a whole ledger, two people at its API, and a real chain on which somebody else uses the relayer's key.
 */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

import { journalSchema } from '../src/journal/journal.schema.js';
import { type BreakView, breakPage, breakSchema } from '../src/reconciliation/reconciliation.schema.js';
import { ChainPayments, chainId } from './chain-payments.js';
import { accessTokens, Office } from './people.js';
import { readerOf, ReconciledBooks, settle } from './reconciled-books.js';
import { RunningLedger } from './running-ledger.js';

const shop = '0x209693bc6afc0c5328ba36faf03c514ef312287c';

let chain: ChainPayments;
let office: Office;
let books: ReconciledBooks;
let compared: () => Promise<void>;

beforeAll(async () => {
  chain = await ChainPayments.start();
  const ledger = await RunningLedger.start({ ACCESS_TOKENS: accessTokens });
  office = new Office(ledger);
  books = ReconciledBooks.on(ledger.server);
  const relayer = chain.relayer.address.toLowerCase();
  const reader = readerOf(chain.anvil.rpcUrl, relayer);
  const reconciliation = books.reconciliation(reader, new Map([[relayer, 'relayer']]));
  compared = async () => settle(reconciliation, reader);
  const payer = await chain.newPayer(1_000n);
  await books.post((await chain.pay({ payer, payTo: shop, amount: 100n })).events);
  await compared();
}, 60_000);
afterAll(async () => {
  await books.database.close();
  await office.ledger.close();
  await chain.anvil.stop();
});

const open = async (): Promise<readonly BreakView[]> =>
  (await office.read('vera', breakPage, '/breaks?state=open')).items;

/** Books what a break says left the wallet as lost; the id of what that was posted as. */
async function corrected(found: BreakView): Promise<string> {
  const { asset, value } = found;
  const body = {
    book: 'G',
    effectiveAt: found.firstSeenAt,
    reason: 'the key was used by hand',
    lines: [
      {
        account: `G:wallet:relayer:${chainId}:${chain.relayer.address.toLowerCase()}`,
        asset: asset.id,
        amount: `-${value}`,
      },
      { account: 'G:expense:writeoff', asset: asset.id, amount: value },
    ],
  };
  const { id } = await office.did('ada', journalSchema, { path: '/journals', body });
  const approval = { path: `/journals/${id}/approve`, body: { reason: 'seen' } };
  const { transactionId } = await office.did('ben', journalSchema, approval);
  return transactionId ?? '';
}

async function ended(found: BreakView, fixedBy: string | null): Promise<void> {
  const body = { resolution: 'explained', reason: 'the key was used by hand', fixedBy };
  await office.did('ada', breakSchema, { path: `/breaks/${found.id}/propose`, body });
  await office.did('ben', breakSchema, { path: `/breaks/${found.id}/approve`, body: {} });
}

describe('a movement that nobody told the books of', () => {
  it('leaves nothing open once a journal books it and is named as what put it right', async () => {
    await chain.send({ to: shop, value: 5n }, chain.relayer);
    await compared();
    const [found] = await open();
    expect(found).toMatchObject({ type: 'missing_in_ledger' });
    await ended(found!, await corrected(found!));
    await chain.anvil.mine(1);
    await compared();
    expect(await open()).toEqual([]);
  });

  it('leaves nothing open either where people let it go without a journal', async () => {
    await chain.send({ to: shop, value: 7n }, chain.relayer);
    await compared();
    const [found] = await open();
    await ended(found!, null);
    await chain.anvil.mine(1);
    await compared();
    expect(await open()).toEqual([]);
  });

  it('shows again, by the balance, where a journal books it that the break does not name', async () => {
    await chain.send({ to: shop, value: 9n }, chain.relayer);
    await compared();
    const [found] = await open();
    await corrected(found!);
    await ended(found!, null);
    await chain.anvil.mine(1);
    await compared();
    const [differing, ...others] = await open();
    expect(others).toEqual([]);
    expect(differing).toMatchObject({ type: 'balance', value: found?.value });
    // Explained once, it is not found again; the next difference of the same wallet is.
    await ended(differing!, null);
    await chain.anvil.mine(1);
    await compared();
    expect(await open()).toEqual([]);
    await corrected(found!);
    await chain.anvil.mine(1);
    await compared();
    expect(await open()).toMatchObject([{ type: 'balance', value: found?.value }]);
  });
});
