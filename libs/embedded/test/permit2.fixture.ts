import { type Address, type Hex, hexToBigInt, type TypedDataDefinition } from 'viem';
import { generatePrivateKey, type PrivateKeyAccount } from 'viem/accounts';

import { devExactProxyAbi, devPermit2, devUptoProxyAbi } from '../src/dev-permit2.js';
import { devUsdc } from '../src/dev-token.js';
import {
  chainId,
  type ContractCall,
  farFuture,
  newAccount,
  permitData,
  price,
  splitSignature,
} from './dev-chain.fixture.js';

/** What a payer signs for one of the proxies; `facilitator` is there for upto only. */
export type Terms = {
  readonly owner: Address;
  readonly token: Address;
  readonly amount: bigint;
  readonly nonce: bigint;
  readonly deadline: bigint;
  readonly to: Address;
  readonly validAfter: bigint;
  readonly spender: Address;
  readonly facilitator?: Address;
};

export type SignedTerms = Terms & { readonly signature: Hex };

export type Approval = { readonly value: bigint; readonly deadline: bigint; readonly signature: Hex };

export function exactTerms(owner: Address, changes: Partial<Terms> = {}): Terms {
  return {
    owner,
    token: devUsdc.address,
    amount: price,
    nonce: hexToBigInt(generatePrivateKey()),
    deadline: farFuture,
    to: newAccount().address,
    validAfter: 0n,
    spender: devPermit2.exactProxy,
    ...changes,
  };
}

export function uptoTerms(owner: Address, changes: Partial<Terms> & { facilitator: Address }): Terms {
  return exactTerms(owner, { spender: devPermit2.uptoProxy, ...changes });
}

/** EIP-712 typed data of the terms, with the witness of the proxy they are for. */
export function witnessData(terms: Terms): TypedDataDefinition {
  const { owner: _, facilitator, ...permit } = terms;
  const witness = { to: permit.to, validAfter: permit.validAfter };
  return {
    domain: { name: 'Permit2', chainId, verifyingContract: devPermit2.permit2 },
    types: {
      PermitWitnessTransferFrom: [
        { name: 'permitted', type: 'TokenPermissions' },
        { name: 'spender', type: 'address' },
        { name: 'nonce', type: 'uint256' },
        { name: 'deadline', type: 'uint256' },
        { name: 'witness', type: 'Witness' },
      ],
      TokenPermissions: [
        { name: 'token', type: 'address' },
        { name: 'amount', type: 'uint256' },
      ],
      Witness: [
        { name: 'to', type: 'address' },
        ...(facilitator === undefined ? [] : [{ name: 'facilitator', type: 'address' }]),
        { name: 'validAfter', type: 'uint256' },
      ],
    },
    primaryType: 'PermitWitnessTransferFrom',
    message: {
      permitted: { token: permit.token, amount: permit.amount },
      spender: permit.spender,
      nonce: permit.nonce,
      deadline: permit.deadline,
      witness: facilitator === undefined ? witness : { ...witness, facilitator },
    },
  };
}

export async function sign(payer: PrivateKeyAccount, terms: Terms): Promise<SignedTerms> {
  return { ...terms, signature: await payer.signTypedData(witnessData(terms)) };
}

export async function approvalBy(
  payer: PrivateKeyAccount,
  { value = price, nonce = 0n, deadline = farFuture } = {},
): Promise<Approval> {
  const signature = await payer.signTypedData(permitData({ owner: payer.address, value, nonce, deadline }));
  return { value, deadline, signature };
}

export function exactCall(signed: SignedTerms, approval?: Approval): ContractCall {
  const { owner, to, validAfter, signature } = signed;
  const args = [permitOf(signed), owner, { to, validAfter }, signature];
  return proxyCall({ to: devPermit2.exactProxy, abi: devExactProxyAbi, args }, approval);
}

export function uptoCall(signed: SignedTerms, amount: bigint, approval?: Approval): ContractCall {
  const { owner, to, validAfter, facilitator, signature } = signed;
  const args = [permitOf(signed), amount, owner, { to, facilitator, validAfter }, signature];
  return proxyCall({ to: devPermit2.uptoProxy, abi: devUptoProxyAbi, args }, approval);
}

export function permitOf({ token, amount, nonce, deadline }: Terms) {
  return { permitted: { token, amount }, nonce, deadline };
}

function proxyCall(call: Omit<ContractCall, 'functionName'>, approval: Approval | undefined): ContractCall {
  if (approval === undefined) return { ...call, functionName: 'settle' };
  const permit2612 = {
    value: approval.value,
    deadline: approval.deadline,
    ...splitSignature(approval.signature),
  };
  return { ...call, functionName: 'settleWithPermit', args: [permit2612, ...call.args] };
}
