import { freePort } from '@quittance/embedded';
import { startDurableDatabase } from '@quittance/testing';

import { type Figures, result } from '../figures.js';
import { booksFaults } from '../ledger/books-state.js';
import { Service } from '../service.js';
import { watchMachine } from './machine.js';
import { planOf } from './ledger/plan.js';
import { measurePosting } from './ledger/posting.js';
import { readsRound } from './ledger/reads.js';

/**
 * How fast payments come into the books: events as the transport hands them over, to committed lines, with every guard
 * on and every commit flushed to disk. The ledger service runs beside, and does what it does in the background.
 */
const plan = planOf(process.argv.slice(2), process.env);
const machine = watchMachine();

const isPosted = plan.rounds.has('posting') || plan.rounds.has('spread');
const posted = isPosted ? await postingRound() : {};
// On books of their own, with nothing beside them.
const figures = { ...posted, ...(plan.rounds.has('reads') ? await readsRound(plan) : {}) };
result({
  bench: 'ledger',
  conditions: {
    database: 'embedded Postgres 18 with its settings, fsync and synchronous_commit on, by a socket',
    payment:
      'three events (accepted, submitted, confirmed), of 10,000 payers to 1,000 merchants, 8 in a transaction on chain; in one batch they make two headers (books F and G) of two lines each, spread over batches five headers of 16 lines',
    batch: `${plan.batch} payments handed over at once, which the ledger posts in transactions of 250, two at a time (bare: in one, two at a time); single: one, at 1 and at 16 connections, the better counts`,
    bare: 'the same rows, planned and sent the same way, into tables with the same columns and nothing but primary keys: no guard, trigger, balance, proof or sum. What a payment costs there is the floor of this machine and this build of Postgres',
    cpu: 'microseconds of processor a payment: of the writer, of all of Postgres, of the backends that writers use (foreground), of everything else in Postgres until all is sealed and summed up (background; before the next turn begins), and of the ledger service. busy_share: of all cores during the turn, by whatever',
    writers:
      'one process a partition; the ledger service beside them with all that it does in the background',
    from: 'events parsed, as the transport hands them over',
    turns: `${plan.turns} of ${plan.payments} payments a writer, in turns, those that spread events after all others; figures are medians`,
    reads: `books of ${plan.entries} lines of a month, one in a hundred late, all sealed, rolled up and vacuumed; ${plan.questions} statement pages of 100 lines of busy and quiet accounts, and as many trial balances at drawn moments on both clocks, one after the other over HTTP; the export is JSON Lines`,
    profiled: plan.profileFolder === undefined ? 'no' : 'yes',
    ...machine(),
  },
  figures,
});
process.exit(0);

async function postingRound(): Promise<Figures> {
  const database = await startDurableDatabase();
  const service = new Service({
    name: 'ledger',
    port: await freePort(),
    env: { NODE_ENV: 'production', EVENT_TRANSPORT: 'postgres', DATABASE_URL: database.serviceUrls.ledger },
    ...(process.env['E2E_LOGS'] === undefined ? {} : { logFolder: process.env['E2E_LOGS'] }),
  });
  try {
    service.launch();
    await service.ready();
    const posted = await measurePosting(database, service.pid, plan);
    const faults = await booksFaults(database.adminUrl);
    if (Object.values(faults).some((count) => count > 0))
      throw new TypeError(`The books are wrong: ${JSON.stringify(faults)}`);
    return posted;
  } finally {
    await service.stop();
    await database.stop();
  }
}
