import type { AtomicAmount, ChainId } from '@quittance/money';
import type { Address, Hex } from 'viem';

import { permit2Address } from './address.js';

export const exactScheme = 'exact';
export const uptoScheme = 'upto';

export type EvmScheme = typeof exactScheme | typeof uptoScheme;

/** How the payer's signature moves the asset: by the token itself, or by Permit2 and a proxy of x402's. */
export type PaymentMethod = 'eip3009' | 'permit2';

type Common = {
  readonly scheme: EvmScheme;
  readonly chainId: ChainId;
  readonly chainNumber: number;
  /** The token that the seller asks for. */
  readonly asset: Address;
  readonly payer: Address;
  /** Who is paid, as signed. */
  readonly payTo: Address;
  /** How much, as signed; by `upto` the most that may be taken. */
  readonly value: AtomicAmount;
  /** Unix seconds. EIP-3009 is valid strictly between the two; Permit2 at both of them too. */
  readonly validAfter: bigint;
  readonly validBefore: bigint;
  /** 32 bytes that the payer chose; a Permit2 nonce, which is a number, is put in this form. */
  readonly nonce: Hex;
  /** As sent: that of a wallet that is not deployed yet stays in its ERC-6492 wrapping. */
  readonly signature: Hex;
  /** What the seller asks for. When a payment by `upto` is settled, the amount to take. */
  readonly requirements: { readonly payTo: Address; readonly amount: AtomicAmount };
};

/** A payment by `exact` with EIP-3009, well formed and not yet judged. Hex is lower case. */
export type Eip3009Payment = Common & {
  readonly method: 'eip3009';
  /** The seller's word on the token's EIP-712 domain; a wrong one makes the signature fail. */
  readonly domain: { readonly name: string; readonly version: string };
};

/** A payment by `exact` or `upto` with Permit2, well formed and not yet judged. Hex is lower case. */
export type Permit2Payment = Common & {
  readonly method: 'permit2';
  /** The token as signed; judging compares it with the asset. */
  readonly token: Address;
  /** The contract that may use the permit, as signed. */
  readonly spender: Address;
  /** `upto`: the one account that may settle, as signed. null for `exact`, which anybody may settle. */
  readonly facilitator: Address | null;
  readonly sponsoring: Sponsoring | null;
};

/** A payment on an EVM chain. */
export type EvmPayment = Eip3009Payment | Permit2Payment;

/** An EIP-2612 permit that gives Permit2 its allowance in the settlement's own transaction. */
export type Eip2612Sponsoring = {
  readonly kind: 'eip2612';
  readonly from: Address;
  readonly asset: Address;
  readonly spender: Address;
  readonly amount: AtomicAmount;
  readonly nonce: bigint;
  readonly deadline: bigint;
  /** 65 bytes: r, s, v. */
  readonly signature: Hex;
};

/** The payer's own signed transaction that approves Permit2, to be broadcast and its gas paid before settling. */
export type Erc20ApprovalSponsoring = {
  readonly kind: 'erc20_approval';
  readonly from: Address;
  readonly asset: Address;
  readonly spender: Address;
  readonly amount: AtomicAmount;
  /** The raw transaction, as `eth_sendRawTransaction` takes it. */
  readonly signedTransaction: Hex;
};

/** What comes with a Permit2 payment of somebody who has not approved Permit2 and has no gas to do so. */
export type Sponsoring = Eip2612Sponsoring | Erc20ApprovalSponsoring;

/**
 * The contract that keeps the nonce. An EIP-3009 nonce belongs to token and payer, a Permit2 nonce to the payer over
 * all tokens: chain, authority, payer and nonce identify an authorization.
 */
export function authorityOf({ method, asset }: Pick<EvmPayment, 'method' | 'asset'>): Address {
  return method === 'permit2' ? permit2Address : asset;
}
