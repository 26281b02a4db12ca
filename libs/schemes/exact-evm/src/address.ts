import type { Address } from 'viem';

/** Uniswap's Permit2: the same address on every chain. Addresses here are in lower case, as everywhere in this package. */
export const permit2Address: Address = '0x000000000022d473030f116ddee9f6b43ac78ba3';

/** The contract that settles Permit2 payments by `exact`: whoever calls it, the money goes where the payer signed. */
export const exactPermit2ProxyAddress: Address = '0x402085c248eea27d92e8b30b2c58ed07f9e20001';

/** The contract that settles payments by `upto`: only the facilitator that the payer named may call it. */
export const uptoPermit2ProxyAddress: Address = '0x4020a4f3b7b90cca423b9fabcc0ce57c6c240002';
