import type { ChainId } from '@quittance/money';

import type { GasFact } from './payment-facts.js';

type GasOutcome = GasFact['outcome'];

/** Makes the codes of accounts; `chart` says what each is. */
export const accountCode = {
  /** Everything that an address paid through us; goes ever further into credit. */
  payer: (chainId: ChainId, address: string) => `F:payer:${chainId}:${address}`,
  /** Everything that arrived at an address. */
  merchant: (chainId: ChainId, address: string) => `F:merchant:${chainId}:${address}`,
  /** Submitted and not settled; back to 0 for every payment. */
  transit: (chainId: ChainId) => `F:transit:${chainId}`,
  /** Accepted and not submitted; back to 0 for every payment. */
  authorized: (chainId: ChainId) => `F:authorized:${chainId}`,
  /** The account that pays gas. */
  relayerWallet: (chainId: ChainId, address: string) => `G:wallet:relayer:${chainId}:${address}`,
  /** The most that transactions under way may cost; back to 0 for every attempt. */
  gasTransit: (chainId: ChainId) => `G:transit:gas:${chainId}`,
  /**
   * What mined transactions cost: `filler` is for those that carried nothing, `topup` for those that gave a payer gas, and
   * `given` is what they gave.
   */
  gasExpense: (chainId: ChainId, outcome: GasOutcome | 'filler' | 'topup' | 'given') =>
    `G:expense:gas:${chainId}:${outcome}`,
  /** An account of ours that holds what we own. */
  treasuryWallet: (chainId: ChainId, address: string) => `G:wallet:treasury:${chainId}:${address}`,
  /** Own money between own wallets; back to 0 for every top-up. */
  topUpTransit: (chainId: ChainId) => `G:transit:topup:${chainId}`,
  /** What a merchant owes us; by name, or by address where it has none. */
  feeReceivable: (merchant: string) => `G:receivable:fees:${merchant}`,
  feeRevenue: (scheme: string) => `G:revenue:fee:${scheme}`,
  feeRefunded: (scheme: string) => `G:revenue:fee:${scheme}:refunded`,
  /** What reached or left a wallet of ours and nobody can explain yet. */
  suspense: (chainId: ChainId) => `G:suspense:${chainId}`,
  /** What a token kept on its way: of payments in book F, of our own money in book G. */
  tokenFeeSuspense: (book: Book, chainId: ChainId) => `${book}:suspense:token-fee:${chainId}`,
  writeoff: 'G:expense:writeoff',
} as const;

export type Book = 'F' | 'G';

/** The book that an account belongs to: the first letter of its code. */
export function bookOf(code: string): Book {
  return code.startsWith('F:') ? 'F' : 'G';
}

/** The first text after all codes that begin so: codes are ASCII, and none holds a tilde. */
export const prefixEnd = (prefix: string): string => `${prefix}~`;
