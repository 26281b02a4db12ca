import type { ReasonCode, Refusal } from '@quittance/protocol';

import type { Judged } from './facts.js';
import type { Permit2Payment } from './payment.js';
import { readRevert, type Revert } from './revert.js';

/** What the contracts' own errors are in the words of the reference facilitator. */
const reasonsByError: Readonly<Record<string, ReasonCode>> = {
  InvalidNonce: 'permit2_invalid_nonce',
  InvalidSigner: 'invalid_permit2_signature',
  InvalidSignature: 'invalid_permit2_signature',
  InvalidSignatureLength: 'invalid_permit2_signature',
  InvalidContractSignature: 'invalid_permit2_signature',
  SignatureExpired: 'permit2_deadline_expired',
  InvalidAmount: 'permit2_invalid_amount',
  InvalidDestination: 'permit2_invalid_destination',
  InvalidOwner: 'permit2_invalid_owner',
  PaymentTooEarly: 'permit2_payment_too_early',
  Permit2612AmountMismatch: 'permit2_2612_amount_mismatch',
  AmountExceedsPermitted: 'upto_amount_exceeds_permitted',
  UnauthorizedFacilitator: 'upto_unauthorized_facilitator',
};

/** The settlement would succeed, as far as it can be tried. */
export function permit2SimulationSucceeds({ payment, facts }: Judged<Permit2Payment>): Refusal | undefined {
  const { simulation, blockTime, blockNumber } = facts;
  if (simulation.ok) return undefined;
  const revert = readRevert(simulation.revert);
  if (blockTime < payment.validAfter && failsForAgeOfBlock(revert, simulation.revert)) return undefined;
  if (waitsForApproval({ payment, facts }) && lacksAllowance(revert)) return undefined;
  return {
    reason: reasonsByError[revert.name ?? ''] ?? 'permit2_simulation_failed',
    message: `The settlement was tried on block ${blockNumber} without sending it, and reverted ${revert.words}.`,
  };
}

/**
 * A settlement reverted for what proxy and Permit2 look at before they ask the token for anything: no allowance would
 * have helped. That it came too early may be due to the age of the block, and says nothing of the rest.
 */
export function failedBeforeTransfer(revert: string): boolean {
  const { name } = readRevert(revert);
  return name !== null && name !== 'PaymentTooEarly' && reasonsByError[name] !== undefined;
}

/** The last block is older than validAfter, and the next one will not be. */
function failsForAgeOfBlock({ name }: Revert, revert: string): boolean {
  if (name !== null) return name === 'PaymentTooEarly';
  return revert === '' || revert.startsWith('0x') || /too[ _-]?early|not[ _-]?yet/i.test(revert);
}

function waitsForApproval({ payment, facts }: Pick<Judged<Permit2Payment>, 'payment' | 'facts'>): boolean {
  const { allowance } = facts;
  return (
    payment.sponsoring?.kind === 'erc20_approval' &&
    allowance !== null &&
    allowance < payment.requirements.amount
  );
}

/** Permit2 checks deadline, amount, nonce and signature before it calls the token: all but the allowance was right. */
function lacksAllowance({ words }: Revert): boolean {
  return /transfer_?from_?failed|allowance/i.test(words);
}
