import type { Address } from 'viem';

/** Nobody else pays this account: what it holds was settled under the mishaps. */
export const merchantInChaos: Address = '0x9965507D1a55bcC2695C58ba16FB37d819B0A4dc';
