import type { Refusal, Verdict } from '@quittance/protocol';

import { eip3009Rules } from './eip3009-rules.js';
import type { Judged } from './facts.js';
import type { Eip3009Payment, EvmPayment } from './payment.js';
import { permit2Rules } from './permit2-rules.js';

/** A rule says what is wrong with a payment, or nothing. */
export type Rule<Payment extends EvmPayment> = (judged: Judged<Payment>) => Refusal | undefined;

/**
 * Judges a payment by what the chain says and the time: the first rule it breaks, or none. The rules are in the order
 * in which the published facilitator refuses, so that of several faults the same one is named. Never throws.
 */
export function judgeEvmPayment(judged: Judged): Verdict {
  return isTransfer(judged)
    ? verdictBy(eip3009Rules, judged)
    : // The union has no third member; TypeScript does not narrow an object by a field of its field.
      verdictBy(permit2Rules, judged as Parameters<(typeof permit2Rules)[number]>[0]);
}

function isTransfer(judged: Judged): judged is Judged<Eip3009Payment> {
  return judged.payment.method === 'eip3009';
}

function verdictBy<Payment extends EvmPayment>(
  rules: readonly Rule<Payment>[],
  judged: Judged<Payment>,
): Verdict {
  for (const rule of rules) {
    const refusal = rule(judged);
    if (refusal !== undefined) return { ok: false, ...refusal };
  }
  return { ok: true };
}
