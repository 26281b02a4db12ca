import { fingerprintOf, type RefusedPaymentRequest } from '@quittance/protocol';

import { payerAsWritten } from '../verify/presentation.js';
import type { VerifyPorts } from '../verify/verify.js';
import { type VerdictRecord, verdictRecord } from './verdict-record.js';

/** Keeps the verdict on a payment whose network nobody knows. What else cannot be read is no payment, and gets none. */
export async function keepIfUnknownNetwork(
  refusal: RefusedPaymentRequest,
  route: VerdictRecord['route'],
  { trail, now }: Pick<VerifyPorts, 'trail' | 'now'>,
): Promise<void> {
  const { request } = refusal;
  if (request === undefined) return;
  const payer = payerAsWritten(request);
  const judged = { route, request, fingerprint: fingerprintOf(request), verdict: refusal, payer };
  await trail.keep(verdictRecord(judged, now()));
}
