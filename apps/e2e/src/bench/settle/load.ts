import { setTimeout as sleep } from 'node:timers/promises';

import type { PreparedPayment } from './prepared-payments.js';
import type { Settled, SettleClient } from './settle-client.js';

export type Offer = {
  readonly client: SettleClient;
  readonly payments: readonly PreparedPayment[];
  readonly ratePerS: number;
  /** Offering ends early once more than this share of all took longer than `lateMs`, or still does. */
  readonly giveUp?: { readonly lateMs: number; readonly share: number };
};

export type Offered = {
  readonly settled: readonly Settled[];
  readonly wasGivenUp: boolean;
  /** When the last payment was sent, by `performance.now()`. */
  readonly lastSentMs: number;
  /** The most that sending fell behind its schedule. */
  readonly sendLagMs: number;
};

const tickMs = 4;
const drainMaxMs = 30_000;

/** Sends payments at a steady rate, whether or not earlier ones are answered; resolves when all are. */
export async function openLoop({ client, payments, ratePerS, giveUp }: Offer): Promise<Offered> {
  const started = performance.now();
  const sentAt: number[] = [];
  const doneAt: number[] = [];
  const answers: Promise<Settled>[] = [];
  let sendLagMs = 0;
  let wasGivenUp = false;
  while (answers.length < payments.length && !wasGivenUp) {
    const due = Math.min(payments.length, Math.floor(((performance.now() - started) * ratePerS) / 1000) + 1);
    while (answers.length < due) {
      const index = answers.length;
      const now = performance.now();
      sendLagMs = Math.max(sendLagMs, now - started - (index * 1000) / ratePerS);
      sentAt.push(now);
      answers.push(settleNoting(client, payments[index], () => (doneAt[index] = performance.now())));
    }
    wasGivenUp = giveUp !== undefined && lateShare({ sentAt, doneAt, ...giveUp }, payments.length);
    await sleep(tickMs);
  }
  const lastSentMs = performance.now();
  const hurry = setTimeout(() => client.close(), wasGivenUp ? 0 : drainMaxMs);
  const settled = await Promise.all(answers);
  clearTimeout(hurry);
  return { settled, wasGivenUp, lastSentMs, sendLagMs };
}

async function settleNoting(
  client: SettleClient,
  payment: PreparedPayment | undefined,
  note: () => void,
): Promise<Settled> {
  if (payment === undefined) throw new RangeError('fewer payments than were to be sent');
  const settled = await client.settle(payment);
  note();
  return settled;
}

function lateShare(
  seen: {
    readonly sentAt: readonly number[];
    readonly doneAt: readonly (number | undefined)[];
    readonly lateMs: number;
    readonly share: number;
  },
  total: number,
): boolean {
  const now = performance.now();
  const late = seen.sentAt.filter((sent, index) => (seen.doneAt[index] ?? now) - sent > seen.lateMs);
  return late.length > seen.share * total;
}

export type Crowd = {
  readonly client: SettleClient;
  readonly payments: readonly PreparedPayment[];
  /** How many requests are open at any time. */
  readonly concurrency: number;
  /** When no more are begun; left out: when the payments are used up. */
  readonly durationMs?: number;
};

/** Keeps a number of requests open: each answer begins the next. */
export async function closedLoop({ client, payments, concurrency, durationMs }: Crowd): Promise<{
  readonly settled: readonly Settled[];
  readonly tookMs: number;
  readonly ranOut: boolean;
}> {
  const started = performance.now();
  const settled: Settled[] = [];
  let next = 0;
  const isOver = (): boolean => durationMs !== undefined && performance.now() - started > durationMs;
  await Promise.all(
    Array.from({ length: concurrency }, async () => {
      while (!isOver()) {
        const payment = payments[next];
        next += 1;
        if (payment === undefined) return;
        settled.push(await client.settle(payment));
      }
    }),
  );
  const ranOut = durationMs !== undefined && next >= payments.length;
  return { settled, tookMs: performance.now() - started, ranOut };
}
