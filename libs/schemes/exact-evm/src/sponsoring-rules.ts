import type { Refusal } from '@quittance/protocol';

import { permit2Address } from './address.js';
import { approvalRefusal } from './approval-rule.js';
import { expiryMarginSeconds, type Judged, timeOf } from './facts.js';
import type { Eip2612Sponsoring, Permit2Payment, Sponsoring } from './payment.js';

type Permit = Judged<Permit2Payment>;

const wordsOf = {
  eip2612: {
    name: 'EIP-2612 permit',
    from: 'eip2612_from_mismatch',
    asset: 'eip2612_asset_mismatch',
    spender: 'eip2612_spender_not_permit2',
  },
  erc20_approval: {
    name: 'approval',
    from: 'erc20_approval_from_mismatch',
    asset: 'erc20_approval_asset_mismatch',
    spender: 'erc20_approval_spender_not_permit2',
  },
} as const;

/** What comes along for the allowance is the payer's, for this token, and to Permit2. */
export function sponsoringIsUsable(judged: Permit): Refusal | undefined {
  const { sponsoring } = judged.payment;
  if (sponsoring === null) return undefined;
  const refusal = partiesRefusal(judged, sponsoring);
  if (refusal !== undefined) return refusal;
  return sponsoring.kind === 'eip2612'
    ? permit2612Refusal(judged, sponsoring)
    : approvalRefusal(judged.payment, sponsoring);
}

function partiesRefusal({ payment }: Permit, sponsoring: Sponsoring): Refusal | undefined {
  const words = wordsOf[sponsoring.kind];
  const { from, asset, spender } = sponsoring;
  if (from !== payment.payer) {
    return {
      reason: words.from,
      message: `The ${words.name} is by ${from} and the payer is ${payment.payer}.`,
    };
  }
  if (asset !== payment.asset) {
    return {
      reason: words.asset,
      message: `The ${words.name} is for ${asset} and the payment is in ${payment.asset}.`,
    };
  }
  if (spender === permit2Address) return undefined;
  return {
    reason: words.spender,
    message: `The ${words.name} is to the spender ${spender}; expected Permit2, ${permit2Address}.`,
  };
}

function permit2612Refusal(judged: Permit, { deadline, amount }: Eip2612Sponsoring): Refusal | undefined {
  const needed = timeOf(judged) + expiryMarginSeconds;
  if (deadline < needed) {
    return {
      reason: 'eip2612_deadline_expired',
      message: `The EIP-2612 permit ends at ${deadline} (deadline); to be settled it must last until ${needed}.`,
    };
  }
  const { value } = judged.payment;
  if (amount === value) return undefined;
  return {
    reason: 'permit2_2612_amount_mismatch',
    message: `The EIP-2612 permit is over ${amount}; expected ${value}, as in the Permit2 authorization.`,
  };
}
