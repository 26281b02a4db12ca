/** What a transaction may use at most (EIP-7825). Ours keep to it on every chain. */
export const batchGasMax = 16_777_216n;

/**
 * Of a batch besides its members: the transaction itself, Multicall3, and the first touch of the token, which takes
 * 43,000; and what each call of the last member must leave behind, a sixty-fourth of what is left.
 */
const batchOverheadGas = 60_000n;
/** A transfer to an account that holds the token takes 55,400 at most, and no two members make each other dearer. */
const knownPayeeGas = 60_000n;
/** A transfer to an account that never held the token takes 72,500. */
const freshPayeeGas = 78_000n;

/** What to allow for a transfer inside a batch. */
export function memberGas({ payeeHolds }: { readonly payeeHolds: boolean }): bigint {
  return payeeHolds ? knownPayeeGas : freshPayeeGas;
}

/** The gas limit of a batch. Too little would make its last members fail, silently. */
export function batchGasLimit(members: readonly bigint[]): bigint {
  return members.reduce((sum, gas) => sum + gas, batchOverheadGas);
}
