import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { freePort } from '@quittance/embedded';
import { madeUpPayment } from '@quittance/events';
import { createTransport, type EventTransport } from '@quittance/messaging';
import { type DurableDatabase, startDurableDatabase } from '@quittance/testing';
import pg from 'pg';

import { eventually } from '../src/http.js';
import { booksFaults, booksState } from '../src/ledger/books-state.js';
import { SeededRandom } from '../src/random.js';
import { Service } from '../src/service.js';

/**
 * Events go into the log while SIGKILL hits Postgres, all of it, and the ledger in turns. What the log acknowledged must
 * be in the books in the end, each payment once, and every balance the sum of its lines.
 */
const kills = Number(process.env['LEDGER_KILLS'] ?? 10);
const seed = Number(process.env['E2E_SEED'] ?? 20_261_127);
const pauseLeastMs = 500;
const pauseMoreMs = 900;
const paymentsAtOnce = 40;
const publishPauseMs = 40;
const retryMs = 100;
const settleMs = 90_000;
const business = { name: 'kills', payers: 50, merchants: 7 };

let database: DurableDatabase;
let ledger: Service;
let transport: EventTransport;

beforeAll(async () => {
  database = await startDurableDatabase();
  const databaseUrl = database.serviceUrls.ledger;
  ledger = new Service({
    name: 'ledger',
    port: await freePort(),
    env: { NODE_ENV: 'production', EVENT_TRANSPORT: 'postgres', DATABASE_URL: databaseUrl },
  });
  ledger.launch();
  await ledger.ready();
  transport = createTransport({ kind: 'postgres', databaseUrl });
});

afterAll(async () => {
  await ledger?.stop();
  await transport?.close();
  await database?.stop();
});

/** SIGKILL to the postmaster and to every process of it, so that none of them can write anything any more. */
async function killPostgres(): Promise<void> {
  const postmaster = database.pid();
  // 0 would be the group of this very process.
  if (!(postmaster > 1)) throw new RangeError('Postgres is down already');
  const children = readdirSync('/proc')
    .map(Number)
    .filter((pid) => Number.isInteger(pid) && parentOf(pid) === postmaster);
  for (const pid of [postmaster, ...children]) {
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      // It ended by itself meanwhile.
    }
  }
  await eventually('Postgres is gone', async () => (database.pid() === 0 ? true : undefined));
  await database.startServer();
}

function parentOf(pid: number): number | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
  } catch {
    return undefined;
  }
}

/** Publishes payments one batch after the other, each until it is acknowledged: in doubt, a batch is told twice. */
async function publish(stopping: AbortSignal): Promise<number> {
  let number = 0;
  while (!stopping.aborted) {
    const events = Array.from({ length: paymentsAtOnce }, (_, index) =>
      madeUpPayment(business, number + index),
    ).flat();
    for (;;) {
      try {
        await transport.publish(events);
        break;
      } catch {
        await sleep(retryMs);
      }
    }
    number += paymentsAtOnce;
    await sleep(publishPauseMs);
  }
  return number;
}

async function isAllRead(): Promise<boolean> {
  const client = new pg.Client({ connectionString: database.adminUrl });
  await client.connect();
  try {
    const { rows } = await client.query(
      `SELECT FROM events.partition_head h
        WHERE h.topic <> 'quittance.dead-letters.v1'
          AND NOT EXISTS (SELECT FROM events.consumer_offset o
                           WHERE o.consumer_group = 'ledger' AND o.topic = h.topic AND o.partition = h.partition
                             AND o.next_offset = h.next_offset)`,
    );
    return rows.length === 0;
  } finally {
    await client.end();
  }
}

it(`${kills} kills of Postgres and the ledger lose nothing that was acknowledged, and double nothing`, async () => {
  const random = new SeededRandom(seed);
  const stopping = new AbortController();
  const published = publish(stopping.signal);
  try {
    for (let kill = 0; kill < kills; kill += 1) {
      await sleep(pauseLeastMs + random.below(pauseMoreMs));
      if (kill % 2 === 0) {
        await ledger.kill();
        ledger.launch();
      } else await killPostgres();
    }
  } finally {
    stopping.abort();
  }
  const payments = await published;
  await eventually(
    'the ledger has read all of the log',
    async () => ((await isAllRead()) ? true : undefined),
    settleMs,
  );

  const state = await booksState(database.adminUrl);
  console.log(`seed ${seed}: ${payments} payments acknowledged, ${state.payments} in the books`);
  expect(payments).toBeGreaterThan(kills * paymentsAtOnce);
  expect(state.payments).toBe(payments);
  expect(await booksFaults(database.adminUrl)).toEqual({ drift: 0, unbalanced: 0, notOnce: 0 });
}, 240_000);
