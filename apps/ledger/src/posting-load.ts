import 'reflect-metadata';

import { Database } from '@quittance/database';
import { madeUpPayment, type PaymentEvent, type QuittanceEvent } from '@quittance/events';

import { BareBooks } from './posting/bare-books.repository.js';
import { PostingRepository } from './posting/posting.repository.js';

/**
 * Posts made-up payments as the service posts real ones, in a process of its own that another commands over IPC: what
 * benchmarks and the replay measure. `prepare` makes the events, so that `post` only posts.
 */
export type LoadCommand =
  | { readonly kind: 'prepare'; readonly name: string; readonly from: number; readonly count: number }
  | {
      readonly kind: 'post';
      /** Payments in one transaction. */
      readonly batch: number;
      /** Transactions at a time. */
      readonly atOnce: number;
      /** Each of a payment's events in a batch of its own, instead of all in one. */
      readonly isSpread: boolean;
      /** Into the tables of the schema `bare`, which have nothing but their primary keys. */
      readonly isBare: boolean;
      readonly shard: number;
    };

export type LoadAnswer =
  | { readonly kind: 'ready' }
  | {
      readonly kind: 'posted';
      readonly payments: number;
      /** Events that the books had not known. */
      readonly fresh: number;
      readonly tookMs: number;
      readonly cpuS: number;
      /** What each transaction took. */
      readonly batchesMs: readonly number[];
    }
  | { readonly kind: 'failed'; readonly message: string };

const business = { payers: 10_000, merchants: 1_000 };
const poolSize = 16;
const statementTimeoutMs = 60_000;
const microseconds = 1e6;

const database = Database.connect({
  url: process.env['DATABASE_URL'] ?? '',
  applicationName: 'quittance_ledger_load',
  planByIndex: true,
  poolSize,
  statementTimeoutMs,
});
const postings = new PostingRepository(database);
const bare = new BareBooks(database);
let payments: (readonly PaymentEvent[])[] = [];

process.on('message', (command: LoadCommand) => {
  answer(command).then(
    (reply) => process.send?.(reply),
    (fault: unknown) => process.send?.({ kind: 'failed', message: String(fault) } satisfies LoadAnswer),
  );
});
process.on('disconnect', () => process.exit(0));

async function answer(command: LoadCommand): Promise<LoadAnswer> {
  if (command.kind === 'post') return post(command);
  const { name, from, count } = command;
  payments = Array.from({ length: count }, (_, index) => madeUpPayment({ name, ...business }, from + index));
  return { kind: 'ready' };
}

async function post(command: Extract<LoadCommand, { kind: 'post' }>): Promise<LoadAnswer> {
  const batches = batchesOf(command);
  const batchesMs: number[] = [];
  let fresh = 0;
  let next = 0;
  const cpu = process.cpuUsage();
  const startedAt = performance.now();
  const writer = async (): Promise<void> => {
    for (let events = batches[next++]; events !== undefined; events = batches[next++]) {
      const batchAt = performance.now();
      if (command.isBare) await bare.post(events, command.shard);
      else fresh += (await postings.post({ events, shard: command.shard })).length;
      batchesMs.push(performance.now() - batchAt);
    }
  };
  await Promise.all(Array.from({ length: command.atOnce }, writer));
  const tookMs = performance.now() - startedAt;
  const { user, system } = process.cpuUsage(cpu);
  return {
    kind: 'posted',
    payments: payments.length,
    fresh,
    tookMs,
    cpuS: (user + system) / microseconds,
    batchesMs,
  };
}

function batchesOf({
  batch,
  isSpread,
}: {
  readonly batch: number;
  readonly isSpread: boolean;
}): QuittanceEvent[][] {
  const batches: QuittanceEvent[][] = [];
  for (let start = 0; start < payments.length; start += batch) {
    const some = payments.slice(start, start + batch);
    if (!isSpread) batches.push(some.flat());
    else for (const place of [0, 1, 2]) batches.push(some.flatMap((events) => events[place] ?? []));
  }
  return batches;
}
