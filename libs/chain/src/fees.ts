/** What a unit of gas is paid with, in wei. */
export type Fees = {
  readonly type: 'eip1559' | 'legacy';
  /** Of a legacy transaction, this and the tip are its gas price. */
  readonly maxFeePerGas: bigint;
  readonly maxPriorityFeePerGas: bigint;
  /** Of the next block; null on a chain without EIP-1559. */
  readonly baseFee: bigint | null;
};

type Price = Pick<Fees, 'maxFeePerGas' | 'maxPriorityFeePerGas'>;

/** The base fee may rise by an eighth a block: twice of it holds out for six full blocks. */
const baseFeeFactor = 2n;
const tipMinWei = 1n;
/** geth takes a replacement for a tenth more, others for an eighth. */
const bumpDivisor = 8n;

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
  const maxPriorityFeePerGas = larger(median, tipMinWei);
  return {
    type: 'eip1559',
    maxFeePerGas: nextBaseFee * baseFeeFactor + maxPriorityFeePerGas,
    maxPriorityFeePerGas,
    baseFee: nextBaseFee,
  };
}

/** Fees of a chain without base fee. */
export function legacyFees(gasPrice: bigint): Fees {
  return { type: 'legacy', maxFeePerGas: gasPrice, maxPriorityFeePerGas: gasPrice, baseFee: null };
}

/**
 * What a transaction must pay to replace one that paid `previous`: an eighth more of both, rounded up, which is the
 * least that all nodes accept; or what is usual now, if that is more.
 */
export function bumpedFees(previous: Price, current: Fees): Fees {
  const maxFeePerGas = larger(bumped(previous.maxFeePerGas), current.maxFeePerGas);
  const maxPriorityFeePerGas = larger(bumped(previous.maxPriorityFeePerGas), current.maxPriorityFeePerGas);
  if (current.type === 'legacy') return legacyFees(larger(maxFeePerGas, maxPriorityFeePerGas));
  return { ...current, maxFeePerGas: larger(maxFeePerGas, maxPriorityFeePerGas), maxPriorityFeePerGas };
}

/**
 * The fees, with no more than the cap offered for a unit of gas; `above_cap` when the base fee or gas price alone is
 * more than that. Of a replacement, what comes out may be less than nodes accept: compare with what went in.
 */
export function cappedBy(fees: Fees, gasPriceMaxWei: bigint): Fees | 'above_cap' {
  const least = fees.type === 'legacy' ? fees.maxFeePerGas : (fees.baseFee ?? 0n);
  if (least > gasPriceMaxWei) return 'above_cap';
  const maxFeePerGas = smaller(fees.maxFeePerGas, gasPriceMaxWei);
  return { ...fees, maxFeePerGas, maxPriorityFeePerGas: smaller(fees.maxPriorityFeePerGas, maxFeePerGas) };
}

function bumped(wei: bigint): bigint {
  return larger(wei + (wei + bumpDivisor - 1n) / bumpDivisor, wei + 1n);
}

function larger(a: bigint, b: bigint): bigint {
  return a > b ? a : b;
}

function smaller(a: bigint, b: bigint): bigint {
  return a < b ? a : b;
}
