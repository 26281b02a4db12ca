/**
 * Whose words a refusal uses. `specification`: the list in the published specification, and where that has no word,
 * the reference implementation's. `reference`: what the reference facilitator really sends, which differs.
 */
export type ReasonVocabulary = 'specification' | 'reference';

type Row = {
  readonly meaning: string;
  /** What the published reference facilitator says for it, where that differs from our code. */
  readonly reference?: string;
  /** What the reference facilitator says to an x402 v1 caller, where it tells the two apart. */
  readonly referenceV1?: string;
  /** The nearest word of the closed list that x402 v1 published; needed where our code is not in it. */
  readonly v1?: string;
};

const transaction = 'invalid_transaction_state';
const payload = 'invalid_payload';
const payment = 'invalid_payment';
const requirements = 'invalid_payment_requirements';
const signature = 'invalid_exact_evm_payload_signature';
const recipient = 'invalid_exact_evm_payload_recipient_mismatch';
const value = 'invalid_exact_evm_payload_authorization_value';
const tooLate = 'invalid_exact_evm_payload_authorization_valid_before';
const tooEarly = 'invalid_exact_evm_payload_authorization_valid_after';
const settleFault = 'unexpected_settle_error';

// One reason, one line: it is read as a table.
// prettier-ignore
const rows = {
  // The specification's list (§9), with what the legacy v1 list adds for EVM.
  insufficient_funds: { meaning: 'The payer holds less of the asset than the payment needs.', reference: 'invalid_exact_evm_insufficient_balance' },
  invalid_exact_evm_payload_authorization_valid_after: { meaning: 'The authorization is not valid yet.' },
  invalid_exact_evm_payload_authorization_valid_before: { meaning: 'The authorization has expired, or will before it could be settled.' },
  invalid_exact_evm_payload_authorization_value_mismatch: { meaning: 'The authorized value is not the required amount.', referenceV1: 'invalid_exact_evm_authorization_value', v1: value },
  invalid_exact_evm_payload_signature: { meaning: 'The signature is not the payer’s over this authorization.', reference: 'invalid_exact_evm_signature' },
  invalid_exact_evm_payload_recipient_mismatch: { meaning: 'The authorization pays somebody other than payTo.', reference: 'invalid_exact_evm_recipient_mismatch' },
  invalid_exact_evm_payload_undeployed_smart_wallet: { meaning: 'The payer is a smart wallet that is not deployed.' },
  invalid_network: { meaning: 'The network is unknown, or not one that this facilitator settles on.' },
  invalid_payload: { meaning: 'The payment payload is malformed.' },
  invalid_payment_requirements: { meaning: 'The payment requirements are malformed.' },
  invalid_payment: { meaning: 'The payment cannot be used.' },
  invalid_scheme: { meaning: 'The scheme of the payload is not that of the requirements.', reference: 'invalid_exact_evm_scheme' },
  unsupported_scheme: { meaning: 'The scheme is not one that this facilitator settles.' },
  invalid_x402_version: { meaning: 'The x402 version is missing or not supported.' },
  invalid_transaction_state: { meaning: 'The transaction was mined and failed.' },
  unexpected_verify_error: { meaning: 'Verification failed for a reason inside the facilitator.', reference: 'unexpected_error' },
  unexpected_settle_error: { meaning: 'Settlement failed for a reason inside the facilitator.', reference: 'unexpected_error' },
  payment_expired: { meaning: 'The authorization expired before it was in a block.', reference: tooLate },
  duplicate_settlement: { meaning: 'This payment is being settled already.' },

  // The reference implementation: exact on EVM, EIP-3009.
  settlement_pending: { meaning: 'The transaction is broadcast and its outcome not known yet: ask again with the same body.', v1: settleFault },
  asset_not_deployed_contract: { meaning: 'There is no contract at the asset’s address.', v1: requirements },
  invalid_exact_evm_network_mismatch: { meaning: 'The payload is for another network than the requirements.', v1: 'invalid_network' },
  invalid_exact_evm_missing_eip712_domain: { meaning: 'requirements.extra lacks the name or version of the token’s EIP-712 domain.', v1: requirements },
  invalid_exact_evm_nonce_already_used: { meaning: 'The authorization is used or canceled on chain.', v1: payment },
  invalid_exact_evm_token_name_mismatch: { meaning: 'requirements.extra.name is not the token’s name.', v1: requirements },
  invalid_exact_evm_token_version_mismatch: { meaning: 'requirements.extra.version is not the token’s version.', v1: requirements },
  invalid_exact_evm_eip3009_not_supported: { meaning: 'The token has no transferWithAuthorization.', v1: requirements },
  invalid_exact_evm_transaction_simulation_failed: { meaning: 'The transfer would revert.', v1: transaction },
  invalid_exact_evm_transaction_failed: { meaning: 'The transfer reverted on chain.', v1: transaction },
  invalid_exact_evm_transfer_event_mismatch: { meaning: 'The mined transaction did not make the authorized transfer.', v1: transaction },
  invalid_exact_evm_failed_to_parse_signature: { meaning: 'The signature cannot be taken apart.', v1: signature },
  eip6492_factory_not_allowed: { meaning: 'The smart wallet’s factory is not one that this facilitator calls.', v1: signature },
  smart_wallet_deployment_failed: { meaning: 'The smart wallet could not be deployed.', v1: transaction },
  unsupported_payload_type: { meaning: 'This facilitator does not offer this way of transfer.', v1: payload },

  // The reference implementation: Permit2.
  invalid_permit2_spender: { meaning: 'The permit’s spender is not the x402 proxy.', v1: payload },
  invalid_permit2_recipient_mismatch: { meaning: 'The permit pays somebody other than payTo.', v1: recipient },
  permit2_deadline_expired: { meaning: 'The permit has expired.', v1: tooLate },
  permit2_not_yet_valid: { meaning: 'The permit is not valid yet.', v1: tooEarly },
  permit2_amount_mismatch: { meaning: 'The permitted amount is not the required amount.', v1: value },
  permit2_token_mismatch: { meaning: 'The permit is for another token.', v1: payload },
  invalid_permit2_signature: { meaning: 'The signature is not the owner’s over this permit.', v1: signature },
  permit2_allowance_required: { meaning: 'The payer has not approved Permit2 for the token.', v1: 'insufficient_funds' },
  permit2_simulation_failed: { meaning: 'The permit transfer would revert.', v1: transaction },
  permit2_insufficient_balance: { meaning: 'The payer holds less of the token than permitted.', v1: 'insufficient_funds' },
  permit2_proxy_not_deployed: { meaning: 'The x402 Permit2 proxy is not on this chain.', v1: 'invalid_network' },
  permit2_invalid_amount: { meaning: 'The proxy refused the amount.', v1: value },
  permit2_invalid_destination: { meaning: 'The proxy refused the recipient.', v1: recipient },
  permit2_invalid_owner: { meaning: 'The proxy refused the owner.', v1: payload },
  permit2_payment_too_early: { meaning: 'The proxy refused a payment before its validAfter.', v1: tooEarly },
  permit2_invalid_nonce: { meaning: 'The permit’s nonce is used.', v1: payment },
  permit2_2612_amount_mismatch: { meaning: 'The EIP-2612 permit is for another amount than the Permit2 one.', v1: value },

  // The reference implementation: approvals paid for the payer.
  invalid_erc20_approval_extension_format: { meaning: 'The erc20ApprovalGasSponsoring extension is malformed.', v1: payload },
  erc20_approval_from_mismatch: { meaning: 'The approval is not by the payer.', v1: payload },
  erc20_approval_asset_mismatch: { meaning: 'The approval is for another token.', v1: payload },
  erc20_approval_spender_not_permit2: { meaning: 'The approval is not to Permit2.', v1: payload },
  erc20_approval_tx_wrong_target: { meaning: 'The approval transaction calls another contract.', v1: payload },
  erc20_approval_tx_wrong_selector: { meaning: 'The approval transaction does not call approve.', v1: payload },
  erc20_approval_tx_wrong_spender: { meaning: 'The approval transaction approves somebody else.', v1: payload },
  erc20_approval_tx_invalid_calldata: { meaning: 'The approval transaction’s calldata is malformed.', v1: payload },
  erc20_approval_tx_signer_mismatch: { meaning: 'The approval transaction is signed by somebody else.', v1: signature },
  erc20_approval_tx_invalid_signature: { meaning: 'The approval transaction’s signature is not usable.', v1: signature },
  erc20_approval_tx_parse_failed: { meaning: 'The approval transaction cannot be read.', v1: payload },
  erc20_approval_tx_failed: { meaning: 'The approval transaction reverted.', v1: transaction },
  erc20_approval_broadcast_failed: { meaning: 'The approval transaction was not taken by the network.', v1: transaction },
  invalid_eip2612_extension_format: { meaning: 'The eip2612GasSponsoring extension is malformed.', v1: payload },
  eip2612_from_mismatch: { meaning: 'The EIP-2612 permit is not by the payer.', v1: payload },
  eip2612_asset_mismatch: { meaning: 'The EIP-2612 permit is for another token.', v1: payload },
  eip2612_spender_not_permit2: { meaning: 'The EIP-2612 permit is not to Permit2.', v1: payload },
  eip2612_deadline_expired: { meaning: 'The EIP-2612 permit has expired.', v1: tooLate },

  // The reference implementation: upto on EVM. v1 has no such scheme.
  invalid_upto_evm_scheme: { meaning: 'The scheme of the payload or the requirements is not upto.', v1: 'invalid_scheme' },
  invalid_upto_evm_network_mismatch: { meaning: 'The payload is for another network than the requirements.', v1: 'invalid_network' },
  invalid_upto_evm_payload_settlement_exceeds_amount: { meaning: 'More is to be settled than the payer permitted.', v1: value },
  invalid_upto_evm_transaction_failed: { meaning: 'The transfer reverted on chain.', v1: transaction },
  upto_amount_exceeds_permitted: { meaning: 'The proxy refused more than the permitted amount.', v1: value },
  upto_unauthorized_facilitator: { meaning: 'The proxy refused this facilitator.', v1: payment },
  upto_facilitator_mismatch: { meaning: 'The permit names another facilitator.', v1: payload },

  // Ours: neither list has a word for these.
  invalid_json: { meaning: 'The request body is not JSON.', v1: payload },
  payload_too_large: { meaning: 'The request is larger than this facilitator reads.', v1: payload },
  unsupported_asset: { meaning: 'The asset is not one that this facilitator settles on this network.', v1: requirements },
  erc20_approval_tx_too_expensive: { meaning: 'The approval transaction may take more gas than this facilitator pays for.', v1: payload },
  invalid_payment_identifier: { meaning: 'The payment-identifier extension is malformed.', v1: payload },
  payment_identifier_required: { meaning: 'The seller requires a payment identifier and the payer sent none.', v1: payload },
  payment_identifier_conflict: { meaning: 'The payment identifier was used before with another payment.', v1: payment },
  authorization_conflict: { meaning: 'The same authorization was presented before with another payment.', reference: 'invalid_exact_evm_nonce_already_used', v1: payment },
} as const satisfies Readonly<Record<string, Row>>;

/**
 * A reason for refusing a payment. It is the published specification's word where that has one, else the reference
 * implementation's, else our own (specification §9).
 */
export type ReasonCode = keyof typeof rows;

export type Reason = {
  readonly meaning: string;
  readonly specification: string;
  readonly specificationV1: string;
  readonly reference: string;
  readonly referenceV1: string;
};

/** Every reason with its meaning and its word in either vocabulary, for either x402 version. */
export const reasons: Readonly<Record<ReasonCode, Reason>> = Object.fromEntries(
  Object.entries<Row>(rows).map(([code, row]) => {
    const reference = row.reference ?? code;
    const words = {
      specification: code,
      specificationV1: row.v1 ?? code,
      reference,
      referenceV1: row.referenceV1 ?? reference,
    };
    return [code, { meaning: row.meaning, ...words }];
  }),
) as Record<ReasonCode, Reason>;

/**
 * The word for a reason in a vocabulary. To an x402 v1 caller the specification vocabulary only says words of the
 * closed list that v1 published, so that clients of that generation can parse the answer.
 */
export function reasonIn(vocabulary: ReasonVocabulary, code: ReasonCode, x402Version: 1 | 2): string {
  const reason = reasons[code];
  if (x402Version === 1) return vocabulary === 'specification' ? reason.specificationV1 : reason.referenceV1;
  return reason[vocabulary];
}
