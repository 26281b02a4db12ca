import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { evmNativeAssetId } from '@quittance/money';

import { accountPage } from '../src/account/account.schema.js';
import { leafDigest } from '../src/proof/digest.js';
import { canonicalText, type Leaf } from '../src/proof/sealed-transaction.js';
import { checkBeancount } from './beancount-reader.js';
import { camtDaysOf, checkCamt } from './camt-checker.js';
import { assets, chains, month, treasuryAccount, unknownInbound } from './generated-month.js';
import { checkHledger } from './hledger-reader.js';
import { beanCheckOf, camtSchemaCheckOf, hledgerCheckOf } from './outside-checkers.js';
import { encoded, merchantZero, passes, RunningMonth, said, statementPath } from './running-month.js';

/** A month of generated business as files, which others' programs and our own strict readers take. */

let running: RunningMonth;

beforeAll(async () => {
  running = await RunningMonth.start();
}, 90_000);
afterAll(() => running.close(), 30_000);

describe('exports', () => {
  it.each(['book=G&from=2026-10-15', 'book=F&to=2026-10-10'])(
    'as Beancount add up, by our own reader and by bean-check: %s',
    async (query) => {
      const { text } = await running.download(`/exports/beancount?${query}`);
      const { failures, assertions, transactions } = checkBeancount(text);
      expect(failures.slice(0, 5)).toEqual([]);
      expect(assertions).toBeGreaterThan(30);
      expect(transactions).toBeGreaterThan(30);
      expect(said(beanCheckOf(text))).toEqual(passes('bean-check'));
    },
    60_000,
  );

  it.each(['book=F&from=2026-10-15'])(
    'as an hledger journal add up, by our own reader and by hledger: %s',
    async (query) => {
      const { text } = await running.download(`/exports/hledger?${query}`);
      const { failures, assertions } = checkHledger(text);
      expect(failures.slice(0, 5)).toEqual([]);
      expect(assertions).toBeGreaterThan(30);
      expect(said(hledgerCheckOf(text))).toEqual(passes('hledger'));
    },
    60_000,
  );

  it('are refused by every reader once one amount is another', async () => {
    const beancount = (await running.download('/exports/beancount?book=G')).text;
    const tampered = beancount.replace(
      /^( {2}Income\S+ {2}-?)([0-9]+)/m,
      (_, start, digits) => `${start}${digits}1`,
    );
    expect(tampered).not.toBe(beancount);
    expect(checkBeancount(tampered).failures).not.toEqual([]);
    const bean = beanCheckOf(tampered);
    expect(bean.complaints === '').toBe(!bean.ran);
    const journal = (await running.download('/exports/hledger?book=G')).text;
    const wrong = journal.replace(/ = (-?[0-9]+)/, ' = $11');
    expect(wrong).not.toBe(journal);
    expect(checkHledger(wrong).failures).not.toEqual([]);
    const hledger = hledgerCheckOf(wrong);
    expect(hledger.complaints === '').toBe(!hledger.ran);
  });

  it('as JSON Lines hold every transaction with its leaf, and go on where they broke off', async () => {
    const { text, headers } = await running.download('/exports/journal.jsonl');
    const lines = text.trimEnd().split('\n');
    expect(lines).toHaveLength(Number(headers.get('quittance-size')));
    for (const [position, line] of lines.entries()) {
      const leaf = JSON.parse(line) as Leaf;
      expect([leaf.position, leaf.leaf]).toEqual([position, leafDigest(canonicalText(leaf.transaction))]);
    }
    const moment = `as_of=${headers.get('quittance-as-of')}&as_known_at=${headers.get('quittance-as-known-at')}`;
    const rest = await running.download(`/exports/journal.jsonl?${moment}&position=123`);
    expect(rest.text).toBe(`${lines.slice(123).join('\n')}\n`);
  });

  it('as JSON Lines tell by hashes what they leave out, without a hole', async () => {
    const { text, headers } = await running.download(
      `/exports/journal.jsonl?book=G&effective_from=2026-10-10`,
    );
    let at = 0;
    for (const line of text.trimEnd().split('\n')) {
      const item = JSON.parse(line) as Partial<Leaf> & { gap?: { first: number; end: number; hash: string } };
      expect(item.gap?.first ?? item.position).toBe(at);
      if (item.transaction !== undefined) {
        expect(item.transaction.book).toBe('G');
        expect(item.transaction.effectiveAt >= '2026-10-10').toBe(true);
      }
      at = item.gap?.end ?? at + 1;
    }
    expect(at).toBe(Number(headers.get('quittance-size')));
  });

  it('as CSV have a row for every line, in the order of the columns', async () => {
    const response = await fetch(`${running.ledger.service.url}/exports/journal.csv?book=F&bom=true`);
    const bytes = Buffer.from(await response.arrayBuffer());
    expect(bytes.subarray(0, 3)).toEqual(Buffer.from([0xef, 0xbb, 0xbf]));
    const [head = '', ...rows] = bytes.subarray(3).toString().trimEnd().split('\r\n');
    expect(head.startsWith('position,transaction_id,book,')).toBe(true);
    const columns = head.split(',');
    const sums = new Map<string, bigint>();
    for (const row of rows) {
      const fields = row.split(',');
      expect(fields).toHaveLength(columns.length);
      const asset = fields[columns.indexOf('asset')] ?? '';
      sums.set(asset, (sums.get(asset) ?? 0n) + BigInt(fields[columns.indexOf('amount_atomic')] ?? ''));
    }
    expect([...sums.values()]).toEqual([0n, 0n, 0n]);
  });

  it('as camt.053 are valid against the schema, and each day begins where the one before ended', async () => {
    for (const code of [merchantZero, `F:payer:${chains.base}:${await somePayer()}`]) {
      const path = statementPath({ code, asset: assets.usdc, as: 'camt053' });
      const { text } = await running.download(path);
      expect(checkCamt(text)).toEqual([]);
      expect(said(camtSchemaCheckOf(text))).toEqual(passes('camt.053 schema'));
      const days = camtDaysOf(text);
      expect(days).toHaveLength(31);
      for (const [index, { opening, closing, entries }] of days.entries()) {
        if (index > 0) expect(opening).toBe(days[index - 1]?.closing);
        expect(entries.reduce((sum, amount) => sum + amount, opening)).toBe(closing);
      }
    }
  });

  it('as camt.053 are refused where an amount has too many digits for it', async () => {
    for (const name of ['first', 'second']) await running.post(unknownInbound({ name, amount: 10n ** 18n }));
    const wallet = { code: treasuryAccount, asset: evmNativeAssetId(chains.base) };
    const answer = await running.ledger.get(statementPath({ ...wallet, as: 'camt053' }));
    expect(answer).toMatchObject({ status: 422, body: { code: 'amount_too_long' } });
    const { text, headers } = await running.download(statementPath({ ...wallet, as: 'csv' }));
    expect(headers.get('content-disposition')).toBe(
      `attachment; filename="statement-${treasuryAccount.replaceAll(':', '-')}-${month.from}-${month.to}.csv"`,
    );
    const [, ...rows] = text.trimEnd().split('\r\n');
    for (const row of rows) expect(row.endsWith(`,${wallet.code},${wallet.asset},settled`)).toBe(true);
    expect(rows.at(-1)).toMatch(/,closing,.*,[0-9]{18,},[0-9.]+,G:/);
  });
});

async function somePayer(): Promise<string> {
  const { items } = await running.read(
    accountPage,
    `/accounts?prefix=F:payer:${chains.base}&asset=${encoded(assets.usdc)}`,
  );
  return items[0]?.code.split(':').at(-1) ?? '';
}
