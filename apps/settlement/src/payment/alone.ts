import type { EventOf } from '@quittance/events';

/** 0x and 65 bytes: what an account signs. */
const accountSignatureLength = 132;
/** Payments at most in a batch, where nothing speaks against company. */
export const batchLimitMost = 1_000;

/**
 * Payments at most in a batch with this one. A signature that the payer's own code judges goes alone: the code may use
 * any amount of gas, and other than it did when tried, and must not be able to make others fail. What Permit2 moved is
 * told by a transfer that in company could be of another payment.
 */
export function batchLimitOf({ data }: EventOf<'payment.accepted'>): number {
  const { method, signature, payerHasCode } = data;
  const isPlain =
    method === 'eip3009' && signature.length === accountSignatureLength && payerHasCode !== true;
  return isPlain ? batchLimitMost : 1;
}
