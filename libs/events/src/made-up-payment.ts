import { hash } from 'node:crypto';

import type { PaymentEvent } from './catalogue.js';

export type MadeUpBusiness = {
  /** Another name, other payments: none has an id of another's. */
  readonly name: string;
  readonly payers: number;
  readonly merchants: number;
};

const chainId = 'eip155:8453';
const asset = 'eip155:8453/erc20:0x833589fcd6edb6e08f4c7c32d4f71b54bda02913';
const paymentsInTransaction = 8;
const transactionsInBlock = 100;
const acceptedMs = Date.UTC(2026, 10, 20);
const betweenMs = 3;
const submittedAfterMs = 40;
const confirmedAfterMs = 2_100;
const priceMax = 5_000_000;
const feeOfPart = 744_000_000_000;
/** Primes: who pays, and whom, comes round as late as it can. */
const payerStride = 7_919;
const merchantStride = 104_729;
const priceStride = 15_485_863;

const hex = (text: string, bytes: number): `0x${string}` => `0x${hash('sha256', text).slice(0, 2 * bytes)}`;

function uuid(text: string): string {
  const digest = hash('sha256', text);
  const variant = `8${digest.slice(13, 16)}-8${digest.slice(17, 20)}`;
  return `${digest.slice(0, 8)}-${digest.slice(8, 12)}-${variant}-${digest.slice(20, 32)}`;
}

const signedTerms = { validAfter: '0', validBefore: '1795032300' } as const;
const gasOfPart = {
  attempt: 1,
  outcome: 'ok',
  gasUsed: '62000',
  gasPrice: '12000000',
  l1Fee: '0',
  fee: String(feeOfPart),
} as const;

function envelopes(name: string, number: number) {
  const paymentId = uuid(`${name} payment ${number}`);
  const envelope = (what: string, afterMs: number) => ({
    id: uuid(`${name} ${what} ${number}`),
    version: 1 as const,
    occurredAt: new Date(acceptedMs + number * betweenMs + afterMs).toISOString(),
    key: paymentId,
    correlationId: paymentId,
    causationId: null,
  });
  return { paymentId, envelope };
}

/**
 * The events of one payment of a made-up business as the platform makes them, for loads and replays: accepted, submitted
 * in a transaction with others, confirmed in a block. The same number gives the same events.
 */
export function madeUpPayment(
  { name, payers, merchants }: MadeUpBusiness,
  number: number,
): readonly [PaymentEvent, PaymentEvent, PaymentEvent] {
  const { paymentId, envelope } = envelopes(name, number);
  const payer = hex(`payer ${(number * payerStride) % payers}`, 20);
  const payTo = hex(`merchant ${(number * merchantStride) % merchants}`, 20);
  const amount = String(1 + ((number * priceStride) % priceMax));
  const fields = { paymentId, chainId, asset, payer, payTo, amount } as const;
  const transactionNumber = Math.floor(number / paymentsInTransaction);
  const transaction = hex(`${name} transaction ${transactionNumber}`, 32);
  const blockNumber = Math.floor(transactionNumber / transactionsInBlock);
  const relayer = hex('relayer', 20);
  const events = [
    {
      ...envelope('accepted', 0),
      type: 'payment.accepted',
      data: {
        ...fields,
        x402Version: 2,
        scheme: 'exact',
        method: 'eip3009',
        resource: 'https://shop.example/weather',
        authorization: {
          ...signedTerms,
          from: payer,
          to: payTo,
          value: amount,
          nonce: hex(`${name} nonce ${number}`, 32),
        },
        signature: `0x${'5e'.repeat(65)}`,
      },
    },
    {
      ...envelope('submitted', submittedAfterMs),
      type: 'settlement.submitted',
      data: {
        ...fields,
        attempt: 1,
        relayer,
        relayerNonce: String(transactionNumber),
        transaction,
        batchSize: paymentsInTransaction,
        gasLimit: '800000',
        gasPriceMax: '2000000000',
        gasReserve: '200000000000000',
      },
    },
    {
      ...envelope('confirmed', confirmedAfterMs),
      type: 'settlement.confirmed',
      data: {
        ...fields,
        transaction,
        block: {
          number: String(1_000_000 + blockNumber),
          hash: hex(`${name} block ${blockNumber}`, 32),
          time: '1795032000',
        },
        logIndex: number % (paymentsInTransaction * transactionsInBlock),
        settledBy: 'us',
        gas: { ...gasOfPart, relayer },
      },
    },
  ];
  // Literals of the very shapes that the schemas give; a test parses them.
  return events as unknown as readonly [PaymentEvent, PaymentEvent, PaymentEvent];
}
