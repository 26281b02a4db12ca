import type { ChainId } from '@quittance/money';

import type { GasFact } from './payment-facts.js';

type GasOutcome = GasFact['outcome'];

/**
 * The chart of accounts. Book F holds what the facilitator moved but never owned, book G its own wallets and costs.
 * The database knows the same patterns (`ledger.account_class`) and lets nothing else become an account.
 */
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
} as const;

export type Book = 'F' | 'G';

/** The book that an account belongs to: the first letter of its code. */
export function bookOf(code: string): Book {
  return code.startsWith('F:') ? 'F' : 'G';
}

/** The first text after all codes that begin so: codes are ASCII, and none holds a tilde. */
export const prefixEnd = (prefix: string): string => `${prefix}~`;
