import { formatDecimal } from '@quittance/money';

import type { AssetDirectory } from '../asset/asset-directory.js';
import { csvRow } from './csv.js';
import type { SourceItem } from './journal-source.repository.js';

type TransactionItem = SourceItem & { readonly kind: 'transaction' };

/** In this order for ever: new ones come behind. */
const columns = [
  'position',
  'transaction_id',
  'book',
  'source',
  'event',
  'source_event_id',
  'payment_id',
  'chain_transaction',
  'effective_at',
  'occurred_at',
  'recorded_at',
  'reverses',
  'line',
  'account',
  'asset',
  'symbol',
  'scale',
  'layer',
  'amount_atomic',
  'amount',
];

export const csvJournalHeader = csvRow(columns);

/** One row a line. The decimal amount is empty where the asset's scale is not known: it would be a guess. */
export function csvJournalRows({ position, transaction }: TransactionItem, assets: AssetDirectory): string {
  const { id, book, source, event, sourceEventId, paymentId, chainTransaction, entries } = transaction;
  const { effectiveAt, occurredAt, recordedAt, reverses } = transaction;
  const header = [position, id, book, source, event, sourceEventId, paymentId, chainTransaction];
  const times = [effectiveAt, occurredAt, recordedAt, reverses];
  return entries
    .map(({ line, account, asset, layer, amount }) => {
      const { symbol, scale } = assets.view(asset);
      const decimal = scale === null ? null : formatDecimal(BigInt(amount), scale);
      return csvRow([...header, ...times, line, account, asset, symbol, scale, layer, amount, decimal]);
    })
    .join('');
}
