import type { ChainId } from '@quittance/money';
import { type Counter, type Histogram, Metrics } from '@quittance/observability';

import type { ChainFigures, SettlerHooks } from '../chain/chain-settler.loop.js';
import type { Outcome } from '../payment/outcome.js';
import type { StoredFigures } from './figures.repository.js';

const batchBuckets = [1, 2, 5, 10, 20, 50, 100, 150, 200, 300, 500];
const confirmBucketsSeconds = [0.25, 0.5, 1, 1.5, 2, 3, 4, 5, 7.5, 10, 15, 30, 60, 120, 300, 900];
const gasBuckets = [
  30_000, 40_000, 45_000, 50_000, 55_000, 60_000, 70_000, 80_000, 90_000, 100_000, 150_000, 300_000,
];

/** What the figures are read from when somebody looks. */
export type FigureSources = {
  readonly stored: { read(): Promise<readonly StoredFigures[]> };
  readonly chains: () => Iterable<readonly [ChainId, ChainFigures]>;
  readonly now: () => number;
};

/** The figures of the settlement service. */
export class SettlementMetrics {
  readonly metrics = new Metrics({ service: 'settlement' });
  private readonly batchPayments: Histogram<'chain'>;
  private readonly confirmSeconds: Histogram<'chain'>;
  private readonly gasPerPayment: Histogram<'chain'>;
  private readonly attempts: Counter<'chain' | 'outcome'>;
  private readonly replacements: Counter<'chain'>;
  private readonly stuck: Counter<'chain'>;
  private readonly reorgs: Counter<'chain'>;

  constructor(private readonly sources: FigureSources) {
    const labels = ['chain'] as const;
    this.batchPayments = this.metrics.histogram({
      name: 'quittance_batch_payments',
      help: 'Payments in a batch when it was signed.',
      labels,
      buckets: batchBuckets,
    });
    this.confirmSeconds = this.metrics.histogram({
      name: 'quittance_confirm_seconds',
      help: 'From when a payment was accepted until it was confirmed.',
      labels,
      buckets: confirmBucketsSeconds,
    });
    this.gasPerPayment = this.metrics.histogram({
      name: 'quittance_gas_per_payment',
      help: 'Gas that a settled payment took, its part of the batch.',
      labels,
      buckets: gasBuckets,
    });
    this.attempts = this.metrics.counter({
      name: 'quittance_attempts_total',
      help: 'Attempts to settle a payment that ended, by how: landed, missed, reverted, displaced.',
      labels: ['chain', 'outcome'],
    });
    this.replacements = this.metrics.counter({
      name: 'quittance_replacements_total',
      help: 'Transactions that were replaced by one that offers more.',
      labels,
    });
    this.stuck = this.metrics.counter({
      name: 'quittance_replacements_stuck_total',
      help: 'Transactions that are not mined and must not be offered more.',
      labels,
    });
    this.reorgs = this.metrics.counter({
      name: 'quittance_reorgs_total',
      help: 'Reorganizations that took back blocks which had been applied.',
      labels,
    });
    this.declareStored();
    this.declareSeen();
    this.declareRelayers();
  }

  /** What the settler of a chain is to call. */
  hooksOf(chain: ChainId): SettlerHooks {
    // What never happened is shown as 0, so that its first time is seen as a rise.
    for (const counter of [this.replacements, this.stuck, this.reorgs]) counter.add(0, { chain });
    for (const outcome of ['landed', 'missed', 'reverted', 'displaced'])
      this.attempts.add(0, { chain, outcome });
    return {
      onSigned: ({ paymentIds }) => {
        if (paymentIds.length > 0) this.batchPayments.observe(paymentIds.length, { chain });
      },
      onReplaced: () => this.replacements.add(1, { chain }),
      onStuck: () => this.stuck.add(1, { chain }),
      onReorg: () => this.reorgs.add(1, { chain }),
      onOutcomes: (outcomes) => {
        for (const outcome of outcomes) this.note(chain, outcome);
      },
    };
  }

  private note(chain: ChainId, { watched, attempt, event }: Outcome): void {
    if (attempt !== null && attempt.state !== 'outstanding') {
      this.attempts.add(1, { chain, outcome: attempt.state });
      if (attempt.state === 'landed' && attempt.cost !== null)
        this.gasPerPayment.observe(attempt.cost.gasUsed, { chain });
    }
    // The event that tells of gas spent after somebody else's landing is none that confirmed the payment.
    if (event?.type === 'settlement.confirmed' && watched.outcomeEventId === event.id)
      this.confirmSeconds.observe(Math.max(this.sources.now() - watched.acceptedMs, 0) / 1_000, { chain });
  }

  private declareStored(): void {
    const declare = (
      name: string,
      help: string,
      valueOf: (figures: StoredFigures) => number | bigint | null,
    ): void => {
      this.metrics.collectedGauge({
        name,
        help,
        labels: ['chain'],
        collect: async () =>
          (await this.sources.stored.read()).flatMap((figures) => {
            const value = valueOf(figures);
            return value === null ? [] : [{ labels: { chain: figures.chainId }, value }];
          }),
      });
    };
    declare(
      'quittance_queue_payments',
      'Payments that wait to be signed, counted up to 100,000.',
      ({ queued }) => queued,
    );
    declare(
      'quittance_queue_age_seconds',
      'How long the payment that waits longest has been known.',
      ({ queueAgeSeconds }) => queueAgeSeconds,
    );
    declare(
      'quittance_outstanding_batches',
      'Batches that were signed and are not known to be mined.',
      ({ outstandingBatches }) => outstandingBatches,
    );
    declare(
      'quittance_chain_suspended',
      '1 while nothing new is settled on the chain and it is not offered.',
      ({ isSuspended }) => (isSuspended ? 1 : 0),
    );
    declare('quittance_final_block', 'The last block known to be final.', ({ finalBlock }) => finalBlock);
    declare(
      'quittance_block_lag',
      'Blocks between the latest and the last that was applied; confirmations less one when all is.',
      ({ chainId, appliedBlock }) => {
        const head = new Map(this.sources.chains()).get(chainId)?.head ?? null;
        if (head === null || appliedBlock === null) return null;
        return head > appliedBlock ? head - appliedBlock : 0n;
      },
    );
  }

  private declareSeen(): void {
    const chains = () => [...this.sources.chains()];
    this.metrics.collectedGauge({
      name: 'quittance_head',
      help: 'The latest block that was seen.',
      labels: ['chain'],
      collect: async () =>
        chains().flatMap(([chain, { head }]) => (head === null ? [] : [{ labels: { chain }, value: head }])),
    });
    this.metrics.collectedGauge({
      name: 'quittance_gas_price_wei',
      help: 'What a unit of gas costs in the next block, without a tip.',
      labels: ['chain'],
      collect: async () =>
        chains().flatMap(([chain, { gasPriceWei }]) =>
          gasPriceWei === null ? [] : [{ labels: { chain }, value: gasPriceWei }],
        ),
    });
    this.metrics.collectedGauge({
      name: 'quittance_rpc_endpoint_healthy',
      help: '1 for an endpoint of rpcUrls, named by its place there from 0, that answers and does not lag.',
      labels: ['chain', 'endpoint'],
      collect: async () =>
        chains().flatMap(([chain, { endpoints }]) =>
          endpoints.map(({ index, healthy, lagging }) => ({
            labels: { chain, endpoint: String(index) },
            value: healthy && !lagging ? 1 : 0,
          })),
        ),
    });
  }

  private declareRelayers(): void {
    const relayers = () =>
      [...this.sources.chains()].flatMap(([chain, figures]) =>
        figures.relayers.map((funds) => ({ ...funds, labels: { chain, relayer: funds.relayer } })),
      );
    this.metrics.collectedGauge({
      name: 'quittance_relayer_balance_wei',
      help: 'What a relayer that is in use holds.',
      labels: ['chain', 'relayer'],
      collect: async () => relayers().map(({ labels, balance }) => ({ labels, value: balance })),
    });
    this.metrics.collectedGauge({
      name: 'quittance_relayer_hours_left',
      help: 'How long that lasts at the rate of the last hour; left out where nothing was spent.',
      labels: ['chain', 'relayer'],
      collect: async () =>
        relayers().flatMap(({ labels, hoursLeftTenths }) =>
          hoursLeftTenths === null ? [] : [{ labels, value: Number(hoursLeftTenths) / 10 }],
        ),
    });
  }
}
