import { MoneyError } from './money-error.js';

declare const brand: unique symbol;

/** A chain by its CAIP-2 name, `namespace:reference`: `eip155:8453`. */
export type ChainId = `${string}:${string}` & { readonly [brand]: 'ChainId' };

/** CAIP-2: a namespace of 3 to 8 characters, a reference of 1 to 32. */
export const chainIdPattern = /^[-a-z0-9]{3,8}:[-_a-zA-Z0-9]{1,32}$/;

/**
 * Reads a CAIP-2 chain id.
 *
 * @throws MoneyError `chain_id_malformed`.
 */
export function parseChainId(text: string): ChainId {
  if (!chainIdPattern.test(text)) {
    throw new MoneyError(
      'chain_id_malformed',
      `A chain is named by CAIP-2, like "eip155:8453"; got "${text.slice(0, 64)}".`,
    );
  }
  return text as ChainId;
}

/** The CAIP-2 id of an EVM chain from its EIP-155 number. */
export function evmChainId(reference: number | bigint): ChainId {
  return parseChainId(`eip155:${reference}`);
}

/**
 * The EIP-155 number of an EVM chain.
 *
 * @throws MoneyError `chain_id_malformed` for a chain of another namespace.
 */
export function evmChainNumber(chainId: ChainId): number {
  const [namespace, reference] = chainId.split(':');
  const value = Number(reference);
  if (namespace !== 'eip155' || !Number.isSafeInteger(value) || value <= 0) {
    throw new MoneyError('chain_id_malformed', `"${chainId}" is not an EVM chain.`);
  }
  return value;
}
