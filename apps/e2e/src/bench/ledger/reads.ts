import { setTimeout as sleep } from 'node:timers/promises';

import { freePort } from '@quittance/embedded';
import {
  type DurableDatabase,
  fillBooks,
  filledBooks,
  linesPerPayment,
  startDurableDatabase,
  transactionsPerPayment,
} from '@quittance/testing';
import pg from 'pg';

import { type Figures, quantile } from '../../figures.js';
import { Service } from '../../service.js';

/** How many lines the books hold when they are read, and how often each question is asked. */
export type ReadsPlan = { readonly entries: number; readonly questions: number };

const days = 30;
const dayMs = 86_400_000;
const startsAt = '2026-09-01T00:00:00Z';
const merchants = 200;
const rollUpTimeoutMs = 1_800_000;
const pollMs = 1_000;
const warmUpQuestions = 20;
const exportedEntriesMin = 500_000;

/**
 * Books of a month, filled in the server; then the API is asked over HTTP, one question at a time: statements of days drawn by
 * chance of busy and of quiet accounts, first pages and later ones, and trial balances at times drawn by chance to the
 * millisecond, half of them as known at an earlier seal. The export is read as it comes.
 */
export async function readsRound(plan: ReadsPlan): Promise<Figures> {
  const database = await startDurableDatabase();
  const service = new Service({
    name: 'ledger',
    port: await freePort(),
    env: { NODE_ENV: 'production', EVENT_TRANSPORT: 'postgres', DATABASE_URL: database.serviceUrls.ledger },
  });
  try {
    await fillForReads(database, plan);
    service.launch();
    await service.ready();
    return await measureReads(service.url, plan);
  } finally {
    await service.stop();
    await database.stop();
  }
}

async function fillForReads(database: DurableDatabase, { entries }: ReadsPlan): Promise<void> {
  const payments = Math.ceil(entries / linesPerPayment);
  await fillBooks(database.adminUrl, {
    payments,
    stepMs: Math.floor((days * dayMs) / payments),
    startsAt,
    merchants,
    payers: Math.max(1_000, Math.floor(payments / 20)),
  });
  await rollUp(database, payments * transactionsPerPayment);
  await tidy(database);
}

/** What the database has done by itself in books that grew for a month, it would begin with now, and while they are read. */
async function tidy(database: DurableDatabase): Promise<void> {
  const client = new pg.Client({ connectionString: database.adminUrl });
  await client.connect();
  try {
    await client.query('VACUUM (ANALYZE)');
    await client.query('CHECKPOINT');
  } finally {
    await client.end();
  }
}

async function measureReads(ledgerUrl: string, plan: ReadsPlan): Promise<Figures> {
  const draw = drawer(1_966_031);
  const payers = Math.max(1_000, Math.floor(plan.entries / linesPerPayment / 20));
  const seals = Math.ceil(plan.entries / linesPerPayment / 50_000);
  const rounded = (ms: number): number => Math.round(ms * 10) / 10;
  const statements = await timed(plan, () => ask(ledgerUrl, statementPath(draw, payers)));
  const trials = await timed(plan, () => ask(ledgerUrl, trialPath(draw, seals)));
  const exported = await readExport(`${ledgerUrl}/exports/journal.jsonl`);
  return {
    statement_p50_ms: rounded(quantile(statements, 0.5)),
    statement_p95_ms: rounded(quantile(statements, 0.95)),
    trial_balance_p50_ms: rounded(quantile(trials, 0.5)),
    trial_balance_p95_ms: rounded(quantile(trials, 0.95)),
    export_entries_per_s: Math.round(exported.entriesPerS),
    export_mib_per_s: Math.round(exported.bytesPerS / 2 ** 20),
  };
}

/** All blocks: the figures are of books that keep up, not of ones that were just filled. */
async function rollUp(database: DurableDatabase, transactions: number): Promise<void> {
  const client = new pg.Client({ connectionString: database.serviceUrls.ledger });
  await client.connect();
  try {
    const until = Date.now() + rollUpTimeoutMs;
    for (;;) {
      const { rows } = await client.query<{ level: number | null }>('SELECT ledger.roll_up() AS level');
      if (rows[0]?.level !== null) continue;
      const [{ blocks = 0 } = {}] = (
        await client.query<{ blocks: number }>(
          'SELECT count(*)::integer AS blocks FROM ledger.rollup WHERE level = 0',
        )
      ).rows;
      if (blocks >= Math.floor(transactions / 1_024)) return;
      // Another process rolls up too: its block is waited for.
      if (Date.now() > until) throw new RangeError('the books were not rolled up in time');
      await sleep(pollMs);
    }
  } finally {
    await client.end();
  }
}

type Draw = (below: number) => number;

/** The same numbers for the same seed. */
function drawer(seed: number): Draw {
  let state = seed;
  return (below) => {
    state = (state * 48_271) % 2_147_483_647;
    return state % below;
  };
}

function statementPath(draw: Draw, payers: number): string {
  const day = draw(days);
  const last = day + draw(days - day);
  const [code, layer] = [
    [filledBooks.transit, 'inflight'],
    [filledBooks.merchant(0), 'settled'],
    [filledBooks.merchant(draw(merchants)), 'settled'],
    [filledBooks.payer(draw(payers)), 'settled'],
  ][draw(4)] as [string, string];
  return `/accounts/${encodeURIComponent(code)}/statement?layer=${layer}&from=${dayText(day)}&to=${dayText(last)}`;
}

function trialPath(draw: Draw, seals: number): string {
  const asOf = new Date(Date.parse(startsAt) + draw(days * dayMs)).toISOString();
  const seal = new Date(Date.parse('2001-01-01T00:00:00Z') + (1 + draw(seals)) * 1_000).toISOString();
  return `/trial-balance?as_of=${asOf}${draw(2) === 0 ? '' : `&as_known_at=${seal}`}`;
}

const dayText = (day: number): string =>
  new Date(Date.parse(startsAt) + day * dayMs).toISOString().slice(0, 10);

/** Milliseconds of each question, after some that only warm up. An account that nothing was posted to has no statement. */
async function timed({ questions }: ReadsPlan, question: () => Promise<number | null>): Promise<number[]> {
  const took: number[] = [];
  for (let asked = 0; took.length < questions; asked += 1) {
    const ms = await question();
    if (ms !== null && asked >= warmUpQuestions) took.push(ms);
  }
  return took;
}

async function ask(ledgerUrl: string, path: string): Promise<number | null> {
  const begun = performance.now();
  const response = await fetch(`${ledgerUrl}${path}`);
  const text = await response.text();
  const took = performance.now() - begun;
  if (response.status === 404) return null;
  if (response.status !== 200)
    throw new TypeError(`GET ${path} answers ${response.status}: ${text.slice(0, 500)}`);
  return took;
}

/** Reads the first entries of an export and hangs up. */
async function readExport(url: string): Promise<{ entriesPerS: number; bytesPerS: number }> {
  const begun = performance.now();
  const { body, status } = await fetch(url);
  if (body === null || status !== 200) throw new TypeError(`GET ${url} answers ${status}`);
  let entries = 0;
  let bytes = 0;
  for await (const chunk of body) {
    const piece = Buffer.from(chunk as Uint8Array);
    bytes += piece.length;
    for (let at = piece.indexOf('"line":'); at >= 0; at = piece.indexOf('"line":', at + 1)) entries += 1;
    if (entries >= exportedEntriesMin) break;
  }
  const seconds = (performance.now() - begun) / 1_000;
  return { entriesPerS: entries / seconds, bytesPerS: bytes / seconds };
}
