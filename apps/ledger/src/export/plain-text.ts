import type { Layer } from '../posting/line.js';
import type { SealedTransaction } from '../proof/sealed-transaction.js';
import type { Commodity } from './commodity.js';

export type AccountPlace = {
  readonly code: string;
  readonly layer: Layer;
  readonly commodity: Commodity;
  readonly day: string;
};

/** A format of plain-text accounting: how each thing that there is in the books is written. */
export type PlainTextFormat = {
  readonly mediaType: string;
  readonly extension: string;
  readonly comment: (text: string) => string;
  /** `opensOn`: the day on which balances are brought forward; null where there are none. */
  readonly begin: (title: string, opensOn: string | null) => string;
  readonly amount: (commodity: Commodity, decimal: string) => string;
  readonly commodity: (commodity: Commodity, since: string) => string;
  /** An account code with all of its assets. */
  readonly open: (
    place: Omit<AccountPlace, 'commodity'> & { readonly commodities: readonly Commodity[] },
  ) => string;
  readonly opening: (place: AccountPlace & { readonly amount: string; readonly contra: string }) => string;
  readonly transaction: (
    item: { readonly position: number; readonly transaction: SealedTransaction },
    amountOf: (asset: string, amount: bigint) => string,
  ) => string;
  /** Asserts what an account comes to at the end of a day. */
  readonly closing: (place: AccountPlace & { readonly decimal: string }) => string;
  readonly closingsComeLast: boolean;
};
