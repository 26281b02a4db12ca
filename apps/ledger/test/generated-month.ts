import { type BlockRef, digits, type QuittanceEvent } from '@quittance/events';
import { type AssetId, type ChainId, erc20AssetId, evmChainId, evmNativeAssetId } from '@quittance/money';

import { type FeeTerms, type MerchantTerms, Tariff } from '../src/merchant/tariff.js';
import { accountCode } from '../src/posting/account-code.js';
import type { EntryPosting } from '../src/posting/entry-posting.js';
import {
  feeRefundedLines,
  refundLines,
  topUpLines,
  unknownTransferLines,
} from '../src/posting/transfer-lines.js';
import { blockHash as hashOfBlock } from './fake-chain.js';
import { addressOf, drawn, hexOf, uuidOf } from './made-up.js';
import { blockNamed, PaymentStory, relayer } from './payment-events.js';

/**
 * A month of business: ten merchants, two chains, three assets; payments that settle, revert and are tried again, expire, are
 * reorganised away and settle again; fees, gas, refunds and top-ups. The same number of payments gives the same month.
 */

export const chains = { base: evmChainId(8453), sepolia: evmChainId(84532) } as const;
export const assets = {
  usdc: erc20AssetId(chains.base, `0x${'83'.repeat(20)}`),
  eurc: erc20AssetId(chains.base, `0x${'60'.repeat(20)}`),
  testUsdc: erc20AssetId(chains.sepolia, '0x036cbd53842c5426634e7929541ec2318f3dcf7e'),
} as const;

export const networks = [
  {
    chainId: chains.base,
    assets: [
      { address: assets.usdc.split(':').at(-1), symbol: 'USDC', decimals: 6 },
      { address: assets.eurc.split(':').at(-1), symbol: 'EURC', decimals: 6 },
    ],
  },
  {
    chainId: chains.sepolia,
    assets: [{ address: assets.testUsdc.split(':').at(-1), symbol: 'USDC', decimals: 6 }],
  },
];

export const month = { from: '2026-10-01', to: '2026-10-31' } as const;
const monthStart = Date.parse('2026-10-01T00:00:00Z');
const daysMs = 30 * 86_400_000;
const merchants = Array.from({ length: 10 }, (_, index) => addressOf(`merchant ${index}`));
export const merchantName = (index: number): string => `shop-${index}`;
export const merchantAddress = (index: number): string => merchants[index] ?? '';
/** Few: each has an account for every asset, and statements are taken of every account and day. */
const payers = 7;
const treasury = addressOf('treasury');
export const treasuryAccount = accountCode.treasuryWallet(chains.base, treasury);

const termsFrom = '2026-01-01T00:00:00Z';
const basisPoints = (merchant: number): number => 50 + merchant * 10;

export const tariff = new Tariff(
  merchants.map((payTo, index): MerchantTerms => {
    const terms: FeeTerms = {
      from: new Date(termsFrom),
      basisPoints: basisPoints(index),
      fixed: new Map<AssetId, bigint>(),
    };
    return { merchant: merchantName(index), payTo: [payTo], terms: [terms] };
  }),
);

/** The same as MERCHANT_FEES. */
export const tariffSetting = JSON.stringify(
  merchants.map((payTo, index) => ({
    merchant: merchantName(index),
    payTo: [payTo],
    from: termsFrom,
    basisPoints: basisPoints(index),
  })),
);

export type Month = {
  /** By step: what comes together is posted as what it comes to, and the steps are to have lines of their own. */
  readonly steps: readonly (readonly QuittanceEvent[])[];
  readonly transfers: readonly EntryPosting[];
  readonly figures: { readonly settled: Readonly<Record<string, number>> };
};

const goneBlockName = 'a block that is gone';
const goneBlock = blockNamed(goneBlockName);

type Fate = 'settled' | 'reverted' | 'retried' | 'reorged' | 'expired';
const fates: readonly Fate[] = [
  'settled',
  'settled',
  'reverted',
  'settled',
  'retried',
  'settled',
  'reorged',
  'settled',
  'expired',
  'settled',
];

/** `first` keeps what another call made apart. */
export function generatedMonth(payments: number, first = 0): Month {
  const steps: QuittanceEvent[][] = [];
  const transfers: EntryPosting[] = topUps(first);
  const settled: Record<string, number> = { [chains.base]: 0, [chains.sepolia]: 0 };
  for (let number = first; number < first + payments; number += 1) {
    const fate = fates[number % fates.length] ?? 'settled';
    const place = placeOf(number);
    const story = new PaymentStory({
      name: `month ${number}`,
      amount: place.amount,
      payer: addressOf(`payer ${number % payers}`),
      payTo: place.payTo,
    });
    for (const [step, event] of eventsOf(story, fate).entries()) {
      (steps[step] ??= []).push(moved(event, place, step));
    }
    if (fate !== 'settled' && fate !== 'retried' && fate !== 'reorged') continue;
    settled[place.chainId] = (settled[place.chainId] ?? 0) + 1;
    if (number % 13 === 0) transfers.push(...refundOf(number, story, place));
  }
  return { steps, transfers, figures: { settled } };
}

/**
 * A payment of the month that is submitted on the 20th and never mined; that it failed, on the last evening, word comes
 * late.
 */
export function stuckPayment(): {
  readonly paymentId: string;
  readonly begun: Month;
  readonly failed: QuittanceEvent;
  readonly failedAt: string;
} {
  const place: Place = {
    ...placeOf(0),
    amount: 12_345_678n,
    at: Date.parse('2026-10-20T09:00:00Z'),
  };
  const story = new PaymentStory({ name: 'stuck', amount: place.amount, payTo: place.payTo });
  const failedAt = '2026-10-31T22:00:00.000Z';
  const begun = [story.accepted(), story.submitted()].map((event, step) => [moved(event, place, step)]);
  const failed = moved(story.failed(null), { ...place, at: Date.parse(failedAt) }, 0);
  return { paymentId: story.paymentId, begun: onlyOf({ steps: begun }), failed, failedAt };
}

export type UnknownInbound = { readonly name: string; readonly amount: bigint };

/** Native coin that reached the treasury on the 30th, and nobody knows why. */
export function unknownInbound({ name, amount }: UnknownInbound): Month {
  const chainId = chains.base;
  const wallet = treasuryAccount;
  const asset = evmNativeAssetId(chainId);
  const transfer: EntryPosting = {
    book: 'G',
    source: 'transfer',
    sourceEventId: uuidOf(`unknown inbound ${name}`),
    kind: 'transfer.unknown_inbound',
    paymentId: null,
    chainTransaction: null,
    effectiveAt: new Date('2026-10-30T00:00:00Z'),
    lines: unknownTransferLines({ chainId, asset, wallet, direction: 'in', amount }),
  };
  return onlyOf({ transfers: [transfer] });
}

const onlyOf = ({ steps = [], transfers = [] }: Partial<Month>): Month => ({
  steps,
  transfers,
  figures: { settled: {} },
});

type Place = {
  readonly chainId: ChainId;
  readonly asset: AssetId;
  readonly amount: bigint;
  readonly payTo: string;
  readonly merchant: string;
  readonly at: number;
};

function placeOf(number: number): Place {
  const asset = Object.values(assets)[number % 3] ?? assets.usdc;
  const index = drawn(`merchant of ${number}`, 10);
  return {
    chainId: asset.startsWith(`${chains.base}/`) ? chains.base : chains.sepolia,
    asset,
    amount: BigInt(1_000 + drawn(`amount of ${number}`, 90_000_000)),
    payTo: merchantAddress(index),
    merchant: merchantName(index),
    at: monthStart + drawn(`time of ${number}`, daysMs),
  };
}

function eventsOf(story: PaymentStory, fate: Fate): QuittanceEvent[] {
  const accepted = story.accepted();
  switch (fate) {
    case 'settled':
      return [accepted, story.submitted(), story.confirmed('us')];
    case 'reverted':
      return [accepted, story.submitted(), story.failed()];
    case 'retried':
      return [
        accepted,
        story.submitted(),
        story.released(1, 'reverted'),
        story.submitted(2),
        story.confirmed('us', { attempt: 2 }),
      ];
    case 'reorged': {
      const gone = story.confirmed('us', {}, goneBlockName);
      return [
        accepted,
        story.submitted(),
        gone,
        story.reorged(gone),
        story.confirmed('us', {}, 'the block that stays'),
      ];
    }
    case 'expired':
      return [accepted, story.expired()];
  }
}

/** The same event on another chain at another time; a payment takes some minutes, now and then over midnight. */
function moved(event: QuittanceEvent, { chainId, asset, at }: Place, step: number): QuittanceEvent {
  const occurredAt = new Date(at + step * 61_500).toISOString();
  const data = { ...event.data, chainId, asset };
  return { ...event, occurredAt, data: { ...data, ...movedBlock(event, at) } } as QuittanceEvent;
}

const blockMs = 3_600_000;
export const blockAt = (at: number): bigint => BigInt(1 + Math.floor((at - monthStart) / blockMs));

/** A block an hour. One that was reorganised away has the number of the one that stays, and a hash of its own. */
function movedBlock({ data }: QuittanceEvent, at: number): { block?: BlockRef } {
  if (!('block' in data) || data.block === null) return {};
  const number = blockAt(at);
  const isGone = data.block.hash === goneBlock.hash;
  return {
    block: { ...data.block, number: digits(number), hash: isGone ? goneBlock.hash : hashOfBlock(number) },
  };
}

function refundOf(
  number: number,
  story: PaymentStory,
  { chainId, asset, amount, merchant, payTo, at }: Place,
): EntryPosting[] {
  const effectiveAt = new Date(at + 3_600_000);
  const base = { source: 'transfer', paymentId: story.paymentId, effectiveAt } as const;
  const refunded = amount / 2n;
  return [
    {
      ...base,
      book: 'F',
      sourceEventId: uuidOf(`refund ${number}`),
      kind: 'transfer.refund',
      chainTransaction: hexOf(`refund ${number}`, 32),
      lines: refundLines({ chainId, asset, merchant: payTo, payer: story.payer, amount: refunded }),
    },
    {
      ...base,
      book: 'G',
      sourceEventId: uuidOf(`fee refund ${number}`),
      kind: 'transfer.fee_refund',
      chainTransaction: null,
      lines: feeRefundedLines({ merchant, asset, amount: 1n, scheme: 'exact' }),
    },
  ];
}

function topUps(first: number): EntryPosting[] {
  return Object.values(chains).map((chainId, index) => ({
    book: 'G',
    source: 'transfer',
    sourceEventId: uuidOf(`top-up ${first} ${index}`),
    kind: 'transfer.top_up',
    paymentId: null,
    chainTransaction: hexOf(`top-up ${first} ${index}`, 32),
    effectiveAt: new Date(monthStart + index * 86_400_000 + 1),
    lines: topUpLines({ chainId, treasury, relayer, amount: 10n ** 17n, fee: 21_000n * 10n ** 9n }),
  }));
}
