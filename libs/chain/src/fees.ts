/** Wei a unit of gas. */
export type Fees = { readonly maxFeePerGas: bigint; readonly maxPriorityFeePerGas: bigint };

/** The base fee may rise by an eighth a block: twice of it holds out for six full blocks. */
const baseFeeFactor = 2n;
const tipMinWei = 1n;

/** Twice the next block's base fee, and on top the median of the tips that went before. */
export function feesFrom({
  nextBaseFee,
  tips,
}: {
  readonly nextBaseFee: bigint;
  readonly tips: readonly bigint[];
}): Fees {
  const sorted = [...tips].sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));
  const median = sorted[Math.floor(sorted.length / 2)] ?? tipMinWei;
  const maxPriorityFeePerGas = median < tipMinWei ? tipMinWei : median;
  return { maxFeePerGas: nextBaseFee * baseFeeFactor + maxPriorityFeePerGas, maxPriorityFeePerGas };
}
