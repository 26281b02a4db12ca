import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { z } from 'zod';

import { balancePage } from '../src/balance/balance.schema.js';
import { checkSchema } from '../src/checker/check.schema.js';
import { journalPage, journalSchema } from '../src/journal/journal.schema.js';
import { dayAfter, lastOfDay } from '../src/moment/moment.js';
import { checklistSchema, type Period, periodPage, periodSchema } from '../src/period/period.schema.js';
import { chartRuleOf } from '../src/posting/chart.js';
import { CheckpointSigner } from '../src/proof/checkpoint-key.adapter.js';
import { checkpointSchema } from '../src/proof/proof.schema.js';
import { standingsSchema } from '../src/reconciliation/reconciliation.schema.js';
import { statementSchema } from '../src/statement/statement.schema.js';
import { transactionPage } from '../src/transaction/transaction.schema.js';
import { checkBeancount } from './beancount-reader.js';
import { camtDaysOf } from './camt-checker.js';
import { chains, generatedMonth, month, stuckPayment, unknownInbound } from './generated-month.js';
import { checkHledger } from './hledger-reader.js';
import { AuditorsFolder } from './offline-verifier.js';
import { beanCheckOf, hledgerCheckOf } from './outside-checkers.js';
import { accessTokens, Office } from './people.js';
import { passes, RunningMonth, said, statementPath } from './running-month.js';
import { type Command, withId, written } from './written-procedure.js';

/**
 * A month of generated business, closed as docs/operations/closing-a-period.md says, step by step and by those whose roles
 * it asks for; and what others can check of it then, from files alone.
 */

const origin = 'books.example/month';
const key = '4c'.repeat(32);
const endsAt = '2026-11-01T00:00:00.000Z';
const books = ['F', 'G'] as const;
const stuck = stuckPayment();
/** What the journal of the procedure explains. */
const unknown = 5_000n;
/** Of a payment that nothing else has. */
const lateNumber = 1_000;

let running: RunningMonth;
let office: Office;
const periods = new Map<string, Period>();

beforeAll(async () => {
  const settings = {
    ACCESS_TOKENS: accessTokens,
    CHECKPOINT_KEY: key,
    CHECKPOINT_ORIGIN: origin,
    CHECKPOINT_SECONDS: '1',
  };
  running = await RunningMonth.start(settings, 'otto');
  office = new Office(running.ledger);
  await running.post(stuck.begun);
  await running.post(unknownInbound({ name: 'of the month', amount: unknown }));
}, 90_000);
afterAll(() => running.close(), 30_000);

const idOf = (book: string): string => periods.get(book)?.id ?? '';

/** Sends a command of the procedure, which must succeed; `changes` are to its body. */
async function told<Schema extends z.ZodType>(
  schema: Schema,
  command: Command | undefined,
  changes: Readonly<Record<string, unknown>> = {},
): Promise<z.output<Schema>> {
  const { by, path, body } = withId(command, '');
  return office.did(by, schema, { path, body: { ...body, ...changes } });
}

async function asked<Schema extends z.ZodType>(
  schema: Schema,
  command: Command | undefined,
): Promise<z.output<Schema>> {
  const { by, path } = withId(command, '');
  return office.read(by, schema, path);
}

async function outcomes(book: string): Promise<Record<string, string>> {
  const [command] = written(5);
  const { items } = await asked(checklistSchema, withId(command, idOf(book)));
  return Object.fromEntries(items.map(({ name, outcome }) => [name, outcome]));
}

/** Everything that must be so before a month is closed. */
const right = {
  trial_balance: 'pass',
  transit: 'pass',
  suspense: 'pass',
  journals: 'pass',
  reconciliation: 'pass',
  check: 'pass',
  sealed: 'pass',
  checkpoint: 'pass',
};

/** Until a signed checkpoint is of all that is sealed. */
const signed = async (): Promise<void> => {
  await running.ledger.sealed();
  const { size } = await running.sealed();
  await running.ledger.until('the checkpoint', async () => {
    const latest = await running.read(checkpointSchema, '/proofs/checkpoints/latest');
    return latest.size >= size;
  });
};

describe('the month is closed by the written procedure:', () => {
  it.each(books)('1. and 2. its period of book %s is laid down and soft-closed', async (book) => {
    const [layDown, list] = written(1);
    const [softClose] = written(2);
    const period = await told(periodSchema, layDown, { book });
    periods.set(book, period);
    expect(period).toMatchObject({ startsAt: null, endsAt, state: 'open' });
    expect((await asked(periodPage, list)).items.map(({ book: one }) => one)).toContain('F');
    expect(await told(periodSchema, withId(softClose, period.id))).toMatchObject({ state: 'soft' });
  });

  it('3. what nobody could explain is explained by a journal, which the controller approves', async () => {
    expect(await outcomes('G')).toMatchObject({ suspense: 'explain', check: 'fail' });
    const [journal, reversal, list, approve] = written(3);
    const draft = await told(journalSchema, journal);
    const mirror = await told(journalSchema, reversal);
    const drafts = (await asked(journalPage, list)).items;
    expect(new Set(drafts.map(({ id }) => id))).toEqual(new Set([draft.id, mirror.id]));
    expect(await outcomes('G')).toMatchObject({ journals: 'fail' });
    const { path, body } = withId(approve, draft.id);
    expect(await office.post('ben', path, { body })).toMatchObject({
      status: 409,
      body: { code: 'period_closed' },
    });
    expect(await told(journalSchema, withId(approve, draft.id))).toMatchObject({ state: 'posted' });
    // The transaction was right: its reversal is taken back.
    const withdrawn = { path: `/journals/${mirror.id}/withdraw`, body: { reason: 'it was right' } };
    expect(await office.did('ada', journalSchema, withdrawn)).toMatchObject({ state: 'withdrawn' });
  });

  it('meanwhile the chains are compared to the end of the month, and have what the books have', async () => {
    expect(await outcomes('F')).toMatchObject({ reconciliation: 'not_configured' });
    for (const chain of [chains.base, chains.sepolia]) await running.compareWith(chain);
    const { items } = await running.read(standingsSchema, '/reconciliation');
    // Of every payment that was settled its log and its gas; and the gas of what was not.
    for (const { chainId, matched } of items)
      expect(Number(matched)).toBeGreaterThan(2 * (running.business.figures.settled[chainId] ?? 0));
    expect(items.map(({ found }) => found)).toEqual(['0', '0']);
  });

  it('4. everything is checked, and green', async () => {
    await signed();
    const [check, result] = written(4);
    const { id } = await told(checkSchema, check);
    const asksFor = withId(result, id);
    await running.ledger.until(
      'the check',
      async () => (await asked(checkSchema, asksFor)).state !== 'running',
    );
    expect(await asked(checkSchema, asksFor)).toMatchObject({ state: 'green', drift: [] });
  });

  it.each(books)('5. and 6. the checklist is right, and book %s is closed for ever', async (book) => {
    // What was in transit on the 20th has to be explained, and the procedure does.
    expect(await outcomes(book)).toEqual({ ...right, transit: 'explain' });
    const [close, look] = written(6).map((command) => withId(command, idOf(book)));
    const unexplained = { ...close?.body, explanations: {} };
    expect(await office.post('cleo', close?.path ?? '', { body: unexplained })).toMatchObject({
      status: 409,
      body: { code: 'period_not_ready' },
    });
    await told(periodSchema, close);
    const { size, root } = await running.sealed();
    const { state, steps } = await asked(periodSchema, look);
    expect(state).toBe('hard');
    expect(steps.map(({ step, actor }) => [step, actor])).toEqual([
      ['soft', 'cleo'],
      ['hard', 'cleo'],
    ]);
    expect(steps.at(-1)?.record).toMatchObject({
      explanations: close?.body['explanations'],
      sealSize: String(size),
      root,
    });
  });
});

describe('what comes after the close', () => {
  it('goes to the open period, and keeps its own date', async () => {
    await running.ledger.transport.publish([stuck.failed]);
    await running.ledger.until('word of it', async () => {
      const { body } = await office.get('vera', `/payments/${stuck.paymentId}`);
      return body['state'] === 'failed';
    });
    await running.ledger.sealed();
    const { items } = await running.read(transactionPage, `/transactions?payment_id=${stuck.paymentId}`);
    const late = items.filter(({ occurredAt }) => occurredAt === stuck.failedAt);
    expect(new Set(late.map(({ book }) => book))).toEqual(new Set(books));
    expect(new Set(late.map(({ effectiveAt }) => effectiveAt))).toEqual(new Set([endsAt]));
    expect(items.length).toBeGreaterThan(late.length);
  });
});

const days = Array.from({ length: 31 }, (_, index) => dayAfter(month.from, index));

/** What every account held at the end of every day, on each layer: asked for all of them at once, day by day. */
async function balancesByDay(): Promise<Map<string, Map<string, string>>> {
  const byDay = new Map<string, Map<string, string>>();
  for (const day of days) {
    const { items, nextCursor } = await running.read(
      balancePage,
      `/balances?as_of=${lastOfDay(day)}&limit=1000`,
    );
    expect(nextCursor).toBeNull();
    const held = items.map(({ account, asset, layer, balance }): [string, string] => [
      `${account} ${asset.id} ${layer}`,
      balance,
    ]);
    byDay.set(day, new Map(held));
  }
  return byDay;
}

describe('the closed month', () => {
  it('as Beancount passes bean-check, and our own strict reader', async () => {
    const { text } = await running.download('/exports/beancount');
    const { failures, assertions, transactions } = checkBeancount(text);
    expect(failures.slice(0, 5)).toEqual([]);
    expect(Math.min(assertions, transactions)).toBeGreaterThan(300);
    expect(said(beanCheckOf(text))).toEqual(passes('bean-check'));
  });

  it('as an hledger journal passes its strict check, and our own strict reader', async () => {
    const { text } = await running.download('/exports/hledger');
    const { failures, assertions } = checkHledger(text);
    expect(failures.slice(0, 5)).toEqual([]);
    expect(assertions).toBeGreaterThan(300);
    expect(said(hledgerCheckOf(text))).toEqual(passes('hledger'));
  });

  it('has statements that close each day with the opening of the next, for every account and day', async () => {
    const held = await balancesByDay();
    const accounts = [...new Set([...held.values()].flatMap((day) => [...day.keys()]))];
    expect(accounts.length).toBeGreaterThan(100);
    const rest = accounts.entries();
    const check = async (): Promise<void> => {
      for (const [index, account] of rest) {
        // Each day is a statement of its own in these files: 31 at once.
        const statements = await statementsOf(account);
        expect({ account, chain: chainOf(statements) }).toEqual({ account, chain: heldOf(account, held) });
        for (const { opening, closing, moved } of statements)
          expect(BigInt(opening) + moved).toBe(BigInt(closing));
        if (index % accountsForEachJson === 0) expect(await jsonStatementsOf(account)).toEqual(statements);
      }
    };
    await Promise.all(Array.from({ length: readAtOnce }, check));
  }, 60_000);
});

/** The daily statements of so many accounts are asked for as JSON, too, one by one. */
const accountsForEachJson = 40;
const readAtOnce = 4;

type DayStatement = {
  readonly day: string;
  readonly opening: string;
  readonly closing: string;
  readonly moved: bigint;
};

type Chain = readonly { readonly day: string; readonly opening: string; readonly closing: string }[];

const chainOf = (statements: readonly DayStatement[]): Chain =>
  statements.map(({ day, opening, closing }) => ({ day, opening, closing }));

/** The same from the balances at the end of each day: each opens with what the day before closed with. */
function heldOf(account: string, held: ReadonlyMap<string, ReadonlyMap<string, string>>): Chain {
  let before = '0';
  return days.map((day) => {
    const opening = before;
    before = held.get(day)?.get(account) ?? '0';
    return { day, opening, closing: before };
  });
}

async function statementsOf(account: string): Promise<DayStatement[]> {
  const [code = '', asset = '', layer = ''] = account.split(' ');
  const { text } = await running.download(statementPath({ code, asset, layer, as: 'camt053' }));
  // What adds to an account is a credit there, on whichever side the books have it.
  const side = code.startsWith('F:') || chartRuleOf(code)?.normal === 'debit' ? 1n : -1n;
  return camtDaysOf(text).map(({ day, opening, closing, entries }) => ({
    day,
    opening: String(opening * side),
    closing: String(closing * side),
    moved: entries.reduce((sum, amount) => sum + amount * side, 0n),
  }));
}

async function jsonStatementsOf(account: string): Promise<DayStatement[]> {
  const [code = '', asset = '', layer = ''] = account.split(' ');
  const statements: DayStatement[] = [];
  for (const day of days) {
    const path = `${statementPath({ code, asset, layer, from: day, to: day })}&limit=1000`;
    const { opening, closing, lines } = await running.read(statementSchema, path);
    const moved = lines.reduce((sum, { amount }) => sum + BigInt(amount), 0n);
    statements.push({ day, opening, closing, moved });
  }
  return statements;
}

describe('the exported files', () => {
  const { verifierKey } = CheckpointSigner.of(origin, key);
  let auditors: AuditorsFolder;
  let files: Record<string, string>;

  beforeAll(async () => {
    await signed();
    const file = async (path: string): Promise<string> => (await running.download(path)).text;
    // In the order that infra/verifier/README.md tells; the ledger goes on meanwhile.
    const checkpoints = await file('/proofs/checkpoints.jsonl');
    const seals = await file('/proofs/seals.jsonl');
    await running.post(generatedMonth(1, lateNumber));
    const { sealedAt } = JSON.parse(seals.trimEnd().split('\n').at(-1) ?? '') as { sealedAt: string };
    const journal = await file(`/exports/journal.jsonl?as_known_at=${sealedAt}`);
    files = { 'checkpoints.jsonl': checkpoints, 'seals.jsonl': seals, 'journal.jsonl': journal };
    auditors = new AuditorsFolder(files);
  });
  afterAll(() => auditors.remove());

  it('pass the offline verifier by themselves', async () => {
    const transactions = files['journal.jsonl']?.trimEnd().split('\n').length;
    const { code, output } = auditors.verify(verifierKey);
    expect(output).toContain(`${transactions} transactions read, 0 by their hashes;`);
    expect(transactions).toBeLessThan((await running.sealed()).size);
    expect(output).toContain('Everything is as it was sealed and signed.');
    expect(code).toBe(0);
  });

  it.each([
    ['journal.jsonl', '"amount":"'],
    ['journal.jsonl', '"effectiveAt":"202'],
    ['journal.jsonl', '"account":"'],
    ['journal.jsonl', '"leaf":"'],
    ['seals.jsonl', '"root":"'],
    ['checkpoints.jsonl', '"note":"'],
  ])('fail with one byte of %s changed, after %s', (name, before) => {
    const text = files[name] ?? '';
    const at = text.lastIndexOf(before) + before.length;
    const { code, output } = auditors.verifyFlipped(verifierKey, { name, at });
    expect(output).toMatch(/^WRONG {2}(journal|seals|checkpoints)\.jsonl:[0-9]+: /);
    expect(code).toBe(1);
  });
});
