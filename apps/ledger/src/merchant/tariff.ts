import type { AssetId } from '@quittance/money';

/** What a merchant pays for each settled payment from a moment on. */
export type FeeTerms = {
  readonly from: Date;
  /** Hundredths of a percent of the amount. */
  readonly basisPoints: number;
  /** What is added, in units of the asset that is paid with; nothing for other assets. */
  readonly fixed: ReadonlyMap<AssetId, bigint>;
};

/** The terms of one merchant, whatever addresses it is paid at. */
export type MerchantTerms = {
  readonly merchant: string;
  readonly payTo: readonly string[];
  /** In any order. */
  readonly terms: readonly FeeTerms[];
};

/** A fee as it was charged; plain JSON, because it is kept with what is known of the payment. */
export type Fee = {
  readonly merchant: string;
  readonly basisPoints: number;
  readonly fixed: string;
  readonly amount: string;
};

export type Charged = {
  readonly payTo: string;
  readonly asset: AssetId;
  readonly amount: bigint;
  readonly at: Date;
};

export const basisPointsMax = 10_000;
const basisPointsWhole = BigInt(basisPointsMax);

/**
 * The floor of the share, so that the remainder stays with the merchant, and the fixed part; never more than the payment.
 */
export function feeAmount(amount: bigint, basisPoints: number, fixed: bigint): bigint {
  const fee = (amount * BigInt(basisPoints)) / basisPointsWhole + fixed;
  return fee < amount ? fee : amount;
}

/** Who pays what for a settled payment, by address and by time. */
export class Tariff {
  readonly #byAddress: ReadonlyMap<string, MerchantTerms>;
  readonly #others: readonly FeeTerms[];

  /** `others` are the terms of every merchant that has none of its own in force. */
  constructor(merchants: readonly MerchantTerms[] = [], others: readonly FeeTerms[] = []) {
    const own = merchants.map((one) => ({ ...one, terms: newestFirst(one.terms) }));
    this.#byAddress = new Map(own.flatMap((one) => one.payTo.map((address) => [address, one] as const)));
    this.#others = newestFirst(others);
  }

  /** The fee of a payment that was settled at a moment; null where no terms are in force. */
  feeOf({ payTo, asset, amount, at }: Charged): Fee | null {
    const known = this.#byAddress.get(payTo);
    const terms = inForce(known?.terms ?? [], at) ?? inForce(this.#others, at);
    if (terms === null) return null;
    const fixed = terms.fixed.get(asset) ?? 0n;
    return {
      merchant: known?.merchant ?? payTo,
      basisPoints: terms.basisPoints,
      fixed: fixed.toString(),
      amount: feeAmount(amount, terms.basisPoints, fixed).toString(),
    };
  }
}

/** Nobody pays anything. */
export const noFees = new Tariff();

function newestFirst(terms: readonly FeeTerms[]): readonly FeeTerms[] {
  return terms.toSorted((a, b) => b.from.getTime() - a.from.getTime());
}

function inForce(terms: readonly FeeTerms[], at: Date): FeeTerms | null {
  return terms.find(({ from }) => from.getTime() <= at.getTime()) ?? null;
}
