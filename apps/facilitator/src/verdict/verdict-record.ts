import type { PaymentId, PaymentRequest, ReasonCode, Verdict } from '@quittance/protocol';

import { storableText } from '../payment/payment.js';

/** A verdict as it is kept: on what it was given, why, by the facts of which block, and when. */
export type VerdictRecord = {
  readonly route: 'verify' | 'settle';
  /** Null for a payment that is good. */
  readonly reason: ReasonCode | null;
  /** Of the whole request. */
  readonly fingerprint: string;
  readonly paymentId: PaymentId | null;
  readonly x402Version: 1 | 2;
  readonly scheme: string;
  /** CAIP-2. */
  readonly network: string;
  readonly asset: string;
  readonly payer: string | null;
  readonly payTo: string;
  readonly amount: string;
  /** Null where the chain was not asked. */
  readonly blockNumber: bigint | null;
  readonly judgedAt: Date;
};

/** What was judged, and what came of it. */
export type Judged = {
  readonly route: VerdictRecord['route'];
  readonly request: PaymentRequest;
  readonly fingerprint: string;
  readonly verdict: Verdict;
  readonly paymentId?: PaymentId | undefined;
  readonly payer?: string | undefined;
  readonly blockNumber?: bigint | undefined;
};

const nameLengthMax = 100;
const accountLengthMax = 256;

/** Puts a verdict in the form that is kept. */
export function verdictRecord(
  { route, request, fingerprint, verdict, paymentId, payer, blockNumber }: Judged,
  judgedAt: Date,
): VerdictRecord {
  const { scheme, network, requirements, x402Version } = request;
  return {
    route,
    reason: verdict.ok ? null : verdict.reason,
    fingerprint,
    paymentId: paymentId ?? null,
    x402Version,
    scheme: storableText(scheme, nameLengthMax),
    network: storableText(network, nameLengthMax),
    asset: accountText(requirements.asset),
    payer: payer === undefined ? null : accountText(payer),
    payTo: accountText(requirements.payTo),
    amount: requirements.amount,
    blockNumber: blockNumber ?? null,
    judgedAt,
  };
}

/** One spelling for one account, so that it is found by any; what is none stays as the caller wrote it. */
export function accountText(text: string): string {
  return /^0x[0-9a-f]{40}$/i.test(text) ? text.toLowerCase() : storableText(text, accountLengthMax);
}
