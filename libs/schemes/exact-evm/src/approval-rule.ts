import type { ReasonCode, Refusal } from '@quittance/protocol';

import { permit2Address } from './address.js';
import { readSignedTransaction, type SignedTransaction } from './approval-transaction.js';
import type { Erc20ApprovalSponsoring, Permit2Payment } from './payment.js';

/** Of `approve(address,uint256)`. */
const approveSelector = '095ea7b3';
const selectorLength = 8;
const wordLength = 64;
const calldataLength = selectorLength + 2 * wordLength;

/**
 * The published SDK signs for 70,000, and no approval takes twice as much. What a transaction may cost is given to its
 * signer before, who keeps what it does not: without a limit, that would be a way to be paid by us.
 */
export const approvalGasMax = 150_000n;

/**
 * The signed transaction does what it is sent along for, and nothing else: on this chain it has the token let Permit2
 * take at least what the permit permits, and the payer signed it.
 */
export function approvalRefusal(
  payment: Permit2Payment,
  { signedTransaction, amount }: Erc20ApprovalSponsoring,
): Refusal | undefined {
  const transaction = readSignedTransaction(signedTransaction);
  if (transaction === undefined) {
    return refuse(
      'parse_failed',
      'is not a signed EIP-1559 or legacy transaction as eth_sendRawTransaction takes it',
    );
  }
  return (
    targetRefusal(payment, transaction) ??
    calldataRefusal({ payment, transaction, amount }) ??
    signerRefusal(payment, transaction) ??
    costRefusal(transaction)
  );
}

function targetRefusal(
  { asset, chainId, chainNumber }: Permit2Payment,
  transaction: SignedTransaction,
): Refusal | undefined {
  if (transaction.to !== asset) {
    return refuse('wrong_target', `calls ${transaction.to ?? 'no contract'}; expected the token ${asset}`);
  }
  if (transaction.chainId === BigInt(chainNumber)) return undefined;
  const signedFor =
    transaction.chainId === null ? 'no chain in particular' : `the chain ${transaction.chainId}`;
  return refuse('wrong_target', `is signed for ${signedFor}; expected ${chainId}`);
}

function calldataRefusal({
  payment,
  transaction,
  amount,
}: {
  readonly payment: Permit2Payment;
  readonly transaction: SignedTransaction;
  readonly amount: bigint;
}): Refusal | undefined {
  const digits = transaction.data.slice(2);
  if (!digits.startsWith(approveSelector)) {
    return refuse('wrong_selector', 'does not call approve(address,uint256)');
  }
  const spenderWord = digits.slice(selectorLength, selectorLength + wordLength);
  if (digits.length !== calldataLength || !spenderWord.startsWith('0'.repeat(24))) {
    return refuse('invalid_calldata', 'calls approve with something else than an address and an amount');
  }
  const spender = `0x${spenderWord.slice(24)}`;
  if (spender !== permit2Address) {
    return refuse('wrong_spender', `approves ${spender}; expected Permit2, ${permit2Address}`);
  }
  const approved = BigInt(`0x${digits.slice(selectorLength + wordLength)}`);
  if (approved !== amount) {
    return refuse('invalid_calldata', `approves ${approved} and the extension says ${amount}`);
  }
  if (approved < payment.value) {
    return refuse(
      'invalid_calldata',
      `approves ${approved}, which is less than the ${payment.value} permitted`,
    );
  }
  if (transaction.value === 0n) return undefined;
  return refuse('invalid_calldata', `sends ${transaction.value} wei along, which approve does not take`);
}

function signerRefusal({ payer }: Permit2Payment, { signer }: SignedTransaction): Refusal | undefined {
  if (signer === payer) return undefined;
  if (signer === null) return refuse('invalid_signature', 'has a signature that no key can have made');
  return refuse('signer_mismatch', `is signed by ${signer}; expected the payer ${payer}`);
}

function costRefusal({ gasLimit }: SignedTransaction): Refusal | undefined {
  if (gasLimit <= approvalGasMax) return undefined;
  return refuse('too_expensive', `has a gas limit of ${gasLimit}; expected at most ${approvalGasMax}`);
}

type Fault =
  Extract<ReasonCode, `erc20_approval_tx_${string}`> extends `erc20_approval_tx_${infer Name}` ? Name : never;

function refuse(fault: Exclude<Fault, 'failed'>, what: string): Refusal {
  return { reason: `erc20_approval_tx_${fault}`, message: `The approval transaction ${what}.` };
}
