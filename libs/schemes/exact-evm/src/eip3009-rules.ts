import type { Refusal } from '@quittance/protocol';

import { expiryMarginSeconds, type Judged, timeOf } from './facts.js';
import type { Rule } from './judgment.js';
import type { Eip3009Payment } from './payment.js';
import { readRevert } from './revert.js';
import { assetIsContract, walletIsDeployable } from './shared-rules.js';
import { payerSigned } from './signer-rule.js';

type Transfer = Judged<Eip3009Payment>;

const textLengthMax = 120;

export const eip3009Rules: readonly Rule<Eip3009Payment>[] = [
  payerSigned,
  sellerIsPaid,
  isNotExpired,
  isValidAlready,
  isExactAmount,
  assetIsContract,
  assetHasAuthorizations,
  authorizationIsUnused,
  tokenHasName,
  tokenHasVersion,
  payerHasFunds,
  walletIsDeployable,
  simulationSucceeds,
];

function sellerIsPaid({ payment }: Transfer): Refusal | undefined {
  if (payment.payTo === payment.requirements.payTo) return undefined;
  return {
    reason: 'invalid_exact_evm_payload_recipient_mismatch',
    message: `The authorization pays ${payment.payTo} and the requirements ask for ${payment.requirements.payTo}.`,
  };
}

function isNotExpired(judged: Transfer): Refusal | undefined {
  const { validBefore } = judged.payment;
  const needed = timeOf(judged) + expiryMarginSeconds;
  if (validBefore >= needed) return undefined;
  return {
    reason: 'invalid_exact_evm_payload_authorization_valid_before',
    message: `The authorization ends at ${validBefore} (validBefore); to be settled it must last until ${needed}.`,
  };
}

function isValidAlready(judged: Transfer): Refusal | undefined {
  const { validAfter } = judged.payment;
  const time = timeOf(judged);
  if (validAfter <= time) return undefined;
  return {
    reason: 'invalid_exact_evm_payload_authorization_valid_after',
    message: `The authorization begins at ${validAfter} (validAfter) and the time is ${time}.`,
  };
}

function isExactAmount({ payment }: Transfer): Refusal | undefined {
  if (payment.value === payment.requirements.amount) return undefined;
  return {
    reason: 'invalid_exact_evm_payload_authorization_value_mismatch',
    message: `The authorization is over ${payment.value} and the requirements ask for exactly ${payment.requirements.amount}.`,
  };
}

// A contract that takes any call (as wrapped Ether does) lets the transfer succeed and moves nothing.
function assetHasAuthorizations({ payment, facts }: Transfer): Refusal | undefined {
  if (facts.authorizationUsed !== null) return undefined;
  return {
    reason: 'invalid_exact_evm_eip3009_not_supported',
    message: `The asset ${payment.asset} does not answer authorizationState; expected a token with EIP-3009.`,
  };
}

function authorizationIsUnused({ payment, facts }: Transfer): Refusal | undefined {
  if (facts.authorizationUsed !== true) return undefined;
  return {
    reason: 'invalid_exact_evm_nonce_already_used',
    message: `The payer's authorization ${payment.nonce} is used or canceled on chain; sign a new one.`,
  };
}

// A transfer that would succeed proves the domain: a token whose name() is not its domain's name is no fault.
function tokenHasName({ payment, facts }: Transfer): Refusal | undefined {
  if (facts.simulation.ok || facts.tokenName === null || facts.tokenName === payment.domain.name)
    return undefined;
  return {
    reason: 'invalid_exact_evm_token_name_mismatch',
    message: `paymentRequirements.extra.name is ${shown(payment.domain.name)} and the token's is ${shown(facts.tokenName)}.`,
  };
}

function tokenHasVersion({ payment, facts }: Transfer): Refusal | undefined {
  const { tokenVersion } = facts;
  if (facts.simulation.ok || tokenVersion === null || tokenVersion === payment.domain.version)
    return undefined;
  return {
    reason: 'invalid_exact_evm_token_version_mismatch',
    message: `paymentRequirements.extra.version is ${shown(payment.domain.version)} and the token's is ${shown(tokenVersion)}.`,
  };
}

function payerHasFunds({ payment, facts }: Transfer): Refusal | undefined {
  if (facts.balance === null || facts.balance >= payment.value) return undefined;
  return {
    reason: 'insufficient_funds',
    message: `The payer ${payment.payer} holds ${facts.balance} of ${payment.asset} and the payment needs ${payment.value}.`,
  };
}

function simulationSucceeds({ payment, facts }: Transfer): Refusal | undefined {
  const { simulation } = facts;
  if (simulation.ok || failsForAgeOfBlock(payment, facts.blockTime, simulation.revert)) return undefined;
  return {
    reason: 'invalid_exact_evm_transaction_simulation_failed',
    message: `The transfer was tried on block ${facts.blockNumber} without sending it, and reverted ${readRevert(simulation.revert).words}.`,
  };
}

/**
 * A chain without new blocks still shows the time of its last one, at which the authorization was not valid yet. That
 * says nothing about the next block. A text about something else does.
 */
function failsForAgeOfBlock({ validAfter }: Eip3009Payment, blockTime: bigint, revert: string): boolean {
  if (blockTime > validAfter) return false;
  const { name } = readRevert(revert);
  const readable = name !== null || (revert !== '' && !revert.startsWith('0x'));
  return !readable || /not[ _-]?yet/i.test(name ?? revert);
}

function shown(text: string): string {
  return JSON.stringify(text.slice(0, textLengthMax));
}
