import type { Refusal, Verdict } from '@quittance/protocol';

import type { ExactEvmPayment } from './payment.js';
import { readSignature, recoverSigner } from './signature.js';
import { digestBytes } from './typed-data.js';

/** How the transfer would go at the block the facts are of. `revert` is the reason's text, raw hex, or empty. */
export type Simulation = { readonly ok: true } | { readonly ok: false; readonly revert: string };

/** What the chain says about a payment, all of it at one block. null where the token gave no usable answer. */
export type ExactEvmFacts = {
  readonly blockNumber: bigint;
  /** Unix seconds. */
  readonly blockTime: bigint;
  readonly payerHasCode: boolean;
  readonly assetHasCode: boolean;
  readonly balance: bigint | null;
  readonly authorizationUsed: boolean | null;
  readonly tokenName: string | null;
  readonly tokenVersion: string | null;
  readonly simulation: Simulation;
};

export type Judged = {
  readonly payment: ExactEvmPayment;
  readonly facts: ExactEvmFacts;
  /** Unix seconds. */
  readonly nowSeconds: bigint;
};

/** Time that a payment must have left, to be put in a block: what the reference facilitator asks for. */
export const expiryMarginSeconds = 6n;

const revertLengthMax = 120;

type Rule = (judged: Judged) => Refusal | undefined;

/** In the order in which the published facilitator refuses, so that of several faults the same one is named. */
const rules: readonly Rule[] = [
  payerIsAccount,
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
  simulationSucceeds,
];

/** Judges a payment by what the chain says and the time: the first rule it breaks, or none. Never throws. */
export function judgeExactEvm(judged: Judged): Verdict {
  for (const rule of rules) {
    const refusal = rule(judged);
    if (refusal !== undefined) return { ok: false, ...refusal };
  }
  return { ok: true };
}

function payerIsAccount({ payment, facts }: Judged): Refusal | undefined {
  if (!facts.payerHasCode) return undefined;
  return {
    reason: 'smart_wallet_not_supported',
    message: `The payer ${payment.payer} has code; payments of accounts without code are accepted, smart wallets' not yet.`,
  };
}

function payerSigned({ payment }: Judged): Refusal | undefined {
  const reason = 'invalid_exact_evm_payload_signature';
  const reading = readSignature(payment.signature);
  if (!reading.ok) return { reason, message: reading.problem };
  const signer = recoverSigner(digestBytes(payment), reading.signature);
  if (signer === undefined) return { reason, message: 'The signature is not one: no key can have made it.' };
  if (signer === payment.payer) return undefined;
  const { name, version } = payment.domain;
  return {
    reason,
    message:
      `The signature is not by the payer ${payment.payer} over this authorization and the domain ` +
      `${JSON.stringify(name)} version ${JSON.stringify(version)} of ${payment.asset} on ${payment.chainId}.`,
  };
}

function sellerIsPaid({ payment }: Judged): Refusal | undefined {
  if (payment.payTo === payment.requirements.payTo) return undefined;
  return {
    reason: 'invalid_exact_evm_payload_recipient_mismatch',
    message: `The authorization pays ${payment.payTo} and the requirements ask for ${payment.requirements.payTo}.`,
  };
}

function isNotExpired(judged: Judged): Refusal | undefined {
  const { validBefore } = judged.payment;
  const needed = timeOf(judged) + expiryMarginSeconds;
  if (validBefore >= needed) return undefined;
  return {
    reason: 'invalid_exact_evm_payload_authorization_valid_before',
    message: `The authorization ends at ${validBefore} (validBefore); to be settled it must last until ${needed}.`,
  };
}

function isValidAlready(judged: Judged): Refusal | undefined {
  const { validAfter } = judged.payment;
  const time = timeOf(judged);
  if (validAfter <= time) return undefined;
  return {
    reason: 'invalid_exact_evm_payload_authorization_valid_after',
    message: `The authorization begins at ${validAfter} (validAfter) and the time is ${time}.`,
  };
}

function isExactAmount({ payment }: Judged): Refusal | undefined {
  if (payment.value === payment.requirements.amount) return undefined;
  return {
    reason: 'invalid_exact_evm_payload_authorization_value_mismatch',
    message: `The authorization is over ${payment.value} and the requirements ask for exactly ${payment.requirements.amount}.`,
  };
}

function assetIsContract({ payment, facts }: Judged): Refusal | undefined {
  if (facts.assetHasCode) return undefined;
  return {
    reason: 'asset_not_deployed_contract',
    message: `There is no contract at the asset's address ${payment.asset} on ${payment.chainId}.`,
  };
}

// A contract that takes any call (as wrapped Ether does) lets the transfer succeed and moves nothing.
function assetHasAuthorizations({ payment, facts }: Judged): Refusal | undefined {
  if (facts.authorizationUsed !== null) return undefined;
  return {
    reason: 'invalid_exact_evm_eip3009_not_supported',
    message: `The asset ${payment.asset} does not answer authorizationState; expected a token with EIP-3009.`,
  };
}

function authorizationIsUnused({ payment, facts }: Judged): Refusal | undefined {
  if (facts.authorizationUsed !== true) return undefined;
  return {
    reason: 'invalid_exact_evm_nonce_already_used',
    message: `The payer's authorization ${payment.nonce} is used or canceled on chain; sign a new one.`,
  };
}

// A transfer that would succeed proves the domain: a token whose name() is not its domain's name is no fault.
function tokenHasName({ payment, facts }: Judged): Refusal | undefined {
  if (facts.simulation.ok || facts.tokenName === null || facts.tokenName === payment.domain.name)
    return undefined;
  return {
    reason: 'invalid_exact_evm_token_name_mismatch',
    message: `paymentRequirements.extra.name is ${shown(payment.domain.name)} and the token's is ${shown(facts.tokenName)}.`,
  };
}

function tokenHasVersion({ payment, facts }: Judged): Refusal | undefined {
  const { tokenVersion } = facts;
  if (facts.simulation.ok || tokenVersion === null || tokenVersion === payment.domain.version)
    return undefined;
  return {
    reason: 'invalid_exact_evm_token_version_mismatch',
    message: `paymentRequirements.extra.version is ${shown(payment.domain.version)} and the token's is ${shown(tokenVersion)}.`,
  };
}

function payerHasFunds({ payment, facts }: Judged): Refusal | undefined {
  if (facts.balance === null || facts.balance >= payment.value) return undefined;
  return {
    reason: 'insufficient_funds',
    message: `The payer ${payment.payer} holds ${facts.balance} of ${payment.asset} and the payment needs ${payment.value}.`,
  };
}

function simulationSucceeds({ payment, facts }: Judged): Refusal | undefined {
  const { simulation } = facts;
  if (simulation.ok || failsForAgeOfBlock(payment, facts.blockTime, simulation.revert)) return undefined;
  const said = simulation.revert === '' ? 'without a reason' : `with ${shown(simulation.revert)}`;
  return {
    reason: 'invalid_exact_evm_transaction_simulation_failed',
    message: `The transfer was tried on block ${facts.blockNumber} without sending it, and reverted ${said}.`,
  };
}

/**
 * A chain without new blocks still shows the time of its last one, at which the authorization was not valid yet. That
 * says nothing about the next block. A text about something else does.
 */
function failsForAgeOfBlock({ validAfter }: ExactEvmPayment, blockTime: bigint, revert: string): boolean {
  if (blockTime > validAfter) return false;
  const readable = revert !== '' && !revert.startsWith('0x');
  return !readable || /not[ _-]?yet/i.test(revert);
}

/** The next block's time is at least the last one's, and at least about ours. */
function timeOf({ facts, nowSeconds }: Judged): bigint {
  return facts.blockTime > nowSeconds ? facts.blockTime : nowSeconds;
}

function shown(text: string): string {
  return JSON.stringify(text.slice(0, revertLengthMax));
}
