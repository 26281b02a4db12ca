import type { Refusal } from '@quittance/protocol';

import { exactPermit2ProxyAddress, permit2Address, uptoPermit2ProxyAddress } from './address.js';
import { assetIsContract, walletIsDeployable } from './shared-rules.js';
import { expiryMarginSeconds, type Judged, timeOf } from './facts.js';
import type { Rule } from './judgment.js';
import type { Permit2Payment } from './payment.js';
import { failedBeforeTransfer, permit2SimulationSucceeds } from './permit2-simulation-rule.js';
import { payerSigned } from './signer-rule.js';
import { sponsoringIsUsable } from './sponsoring-rules.js';

type Permit = Judged<Permit2Payment>;

export const permit2Rules: readonly Rule<Permit2Payment>[] = [
  spenderIsProxy,
  sellerIsPaid,
  facilitatorIsOurs,
  isNotExpired,
  isValidAlready,
  isPermittedAmount,
  isForTheAsset,
  assetIsContract,
  payerSigned,
  sponsoringIsUsable,
  contractsAreThere,
  nonceIsUnused,
  payerHasFunds,
  walletIsDeployable,
  payerHasApproved,
  permit2SimulationSucceeds,
];

function spenderIsProxy({ payment }: Permit): Refusal | undefined {
  const proxy = payment.scheme === 'upto' ? uptoPermit2ProxyAddress : exactPermit2ProxyAddress;
  if (payment.spender === proxy) return undefined;
  return {
    reason: 'invalid_permit2_spender',
    message: `The permit is for the spender ${payment.spender} and the scheme "${payment.scheme}" settles through ${proxy}.`,
  };
}

function sellerIsPaid({ payment }: Permit): Refusal | undefined {
  if (payment.payTo === payment.requirements.payTo) return undefined;
  return {
    reason: 'invalid_permit2_recipient_mismatch',
    message: `The permit pays ${payment.payTo} (witness.to) and the requirements ask for ${payment.requirements.payTo}.`,
  };
}

function facilitatorIsOurs({ payment, relayers }: Permit): Refusal | undefined {
  const { facilitator } = payment;
  if (facilitator === null || relayers.includes(facilitator)) return undefined;
  return {
    reason: 'upto_facilitator_mismatch',
    message: `The permit names the facilitator ${facilitator}, which is no account of this one on ${payment.chainId}: sign for extra.facilitatorAddress of GET /supported.`,
  };
}

function isNotExpired(judged: Permit): Refusal | undefined {
  const { validBefore } = judged.payment;
  const needed = timeOf(judged) + expiryMarginSeconds;
  if (validBefore >= needed) return undefined;
  return {
    reason: 'permit2_deadline_expired',
    message: `The permit ends at ${validBefore} (deadline); to be settled it must last until ${needed}.`,
  };
}

function isValidAlready(judged: Permit): Refusal | undefined {
  const { validAfter } = judged.payment;
  const time = timeOf(judged);
  if (validAfter <= time) return undefined;
  return {
    reason: 'permit2_not_yet_valid',
    message: `The permit begins at ${validAfter} (witness.validAfter) and the time is ${time}.`,
  };
}

function isPermittedAmount({ payment, purpose }: Permit): Refusal | undefined {
  const { value, requirements, scheme } = payment;
  if (value === requirements.amount) return undefined;
  if (scheme === 'upto' && purpose === 'settle') {
    if (requirements.amount < value) return undefined;
    return {
      reason: 'invalid_upto_evm_payload_settlement_exceeds_amount',
      message: `${requirements.amount} is to be settled and the payer permitted ${value} at most.`,
    };
  }
  return {
    reason: 'permit2_amount_mismatch',
    message: `The permit is over ${value} and the requirements ask for exactly ${requirements.amount}.`,
  };
}

function isForTheAsset({ payment }: Permit): Refusal | undefined {
  if (payment.token === payment.asset) return undefined;
  return {
    reason: 'permit2_token_mismatch',
    message: `The permit is for the token ${payment.token} and the requirements ask for ${payment.asset}.`,
  };
}

function contractsAreThere({ payment, facts }: Permit): Refusal | undefined {
  if (facts.proxyHasCode && facts.authorizationUsed !== null) return undefined;
  const missing = facts.proxyHasCode
    ? `Permit2, which was to be at ${permit2Address}, does not answer nonceBitmap`
    : `There is no contract at ${payment.spender}, which settles the scheme "${payment.scheme}"`;
  return {
    reason: 'permit2_proxy_not_deployed',
    message: `${missing} on ${payment.chainId}: pay with EIP-3009, or on another network.`,
  };
}

function nonceIsUnused({ payment, facts }: Permit): Refusal | undefined {
  if (facts.authorizationUsed !== true) return undefined;
  return {
    reason: 'permit2_invalid_nonce',
    message: `The payer's Permit2 nonce ${BigInt(payment.nonce)} is used or canceled on chain; sign with a new one.`,
  };
}

function payerHasFunds({ payment, facts }: Permit): Refusal | undefined {
  const { amount } = payment.requirements;
  if (facts.balance === null || facts.balance >= amount) return undefined;
  return {
    reason: 'permit2_insufficient_balance',
    message: `The payer ${payment.payer} holds ${facts.balance} of ${payment.asset} and the payment needs ${amount}.`,
  };
}

function payerHasApproved({ payment, facts }: Permit): Refusal | undefined {
  const { requirements, sponsoring, payer, asset } = payment;
  const { allowance, simulation } = facts;
  if (simulation.ok || allowance === null || allowance >= requirements.amount) return undefined;
  if (failedBeforeTransfer(simulation.revert)) return undefined;
  // The approval is broadcast before the settlement, so what is tried without it cannot succeed.
  if (sponsoring?.kind === 'erc20_approval') return undefined;
  const tried =
    sponsoring === null
      ? `approve ${permit2Address} for the token, or send the extension eip2612GasSponsoring or erc20ApprovalGasSponsoring`
      : 'the EIP-2612 permit that was sent along does not raise it: the token refused it, or has no EIP-2612';
  return {
    reason: 'permit2_allowance_required',
    message: `The payer ${payer} lets Permit2 take ${allowance} of ${asset} and the payment needs ${requirements.amount}; ${tried}.`,
  };
}
