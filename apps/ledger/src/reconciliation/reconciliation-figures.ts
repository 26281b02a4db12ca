import type { GaugeReading, Metrics } from '@quittance/observability';

import { type AgeBucket, ageBuckets, ageBucketOf } from './break.js';
import { breakTypes } from './finding.js';

export type FigureSource = {
  standings(): Promise<
    readonly {
      readonly chainId: string;
      readonly lastBlock: string | null;
      readonly lastTime: string | null;
      readonly matched: string;
      readonly found: string;
    }[]
  >;
  openBreaks(): Promise<
    readonly {
      readonly chain: string;
      readonly type: string;
      readonly firstSeenAt: Date;
      readonly count: number;
    }[]
  >;
};

const millisecondsPerSecond = 1_000;
/** Shares are of so many parts: a ratio of two large counts without rounding either. */
const parts = 1_000_000n;

/** What an operator sees of the comparison of books and chains. */
export function showReconciliation(metrics: Metrics, source: FigureSource, now: () => Date): void {
  metrics.collectedGauge({
    name: 'quittance_reconciled_block',
    help: 'The last block that was compared with the books.',
    labels: ['chain'],
    collect: async () =>
      (await source.standings()).flatMap(({ chainId, lastBlock }) =>
        lastBlock === null ? [] : [{ labels: { chain: chainId }, value: BigInt(lastBlock) }],
      ),
  });
  metrics.collectedGauge({
    name: 'quittance_reconciliation_lag_seconds',
    help: 'How old the last block is that was compared with the books.',
    labels: ['chain'],
    collect: async () =>
      (await source.standings()).flatMap(({ chainId, lastTime }) =>
        lastTime === null
          ? []
          : [
              {
                labels: { chain: chainId },
                value: (now().getTime() - Date.parse(lastTime)) / millisecondsPerSecond,
              },
            ],
      ),
  });
  metrics.collectedGauge({
    name: 'quittance_reconciliation_matched_ratio',
    help: 'Of what was compared, the share that agreed at once.',
    labels: ['chain'],
    collect: async () =>
      (await source.standings()).map(({ chainId, matched, found }) => ({
        labels: { chain: chainId },
        value: shareOf(BigInt(matched), BigInt(found)),
      })),
  });
  metrics.collectedGauge({
    name: 'quittance_breaks_open',
    help: 'Open breaks between books and chain, by type and how long ago they were first seen.',
    labels: ['chain', 'type', 'age'],
    collect: async () => openCounts(source, now()),
  });
}

function shareOf(matched: bigint, found: bigint): number {
  const all = matched + found;
  return all === 0n ? 1 : Number((matched * parts) / all) / Number(parts);
}

/** Zeros too: an alarm on what was never counted would never be raised. */
async function openCounts(
  source: FigureSource,
  now: Date,
): Promise<GaugeReading<'chain' | 'type' | 'age'>[]> {
  const [standings, open] = await Promise.all([source.standings(), source.openBreaks()]);
  const counts = new Map<string, number>();
  const key = (chain: string, type: string, age: AgeBucket): string => `${chain} ${type} ${age}`;
  for (const { chain, type, firstSeenAt, count } of open) {
    const place = key(chain, type, ageBucketOf(firstSeenAt, now));
    counts.set(place, (counts.get(place) ?? 0) + count);
  }
  return standings.flatMap(({ chainId: chain }) =>
    breakTypes.flatMap((type) =>
      ageBuckets.map((age) => ({
        labels: { chain, type, age },
        value: counts.get(key(chain, type, age)) ?? 0,
      })),
    ),
  );
}
