import { devPermit2, devTokenAbi } from '@quittance/embedded';
import {
  type Address,
  encodeFunctionData,
  type Hex,
  keccak256,
  maxUint256,
  serializeTransaction,
} from 'viem';

import { permit2612Digest } from '../quick-permit.js';
import { signDigest } from '../typed-hash.js';
import type { ApprovalTerms, Cast, Draft, Json } from './draft.js';
import { signedBy } from './sign.js';

const gwei = 1_000_000_000n;

/** What the payer sends along for Permit2's allowance: the extension's key and what it says; null for nothing. */
export function sponsoringOf(draft: Draft, cast: Cast): { readonly key: string; readonly info: Json } | null {
  if (draft.sponsoring === 'none') return null;
  return draft.sponsoring === 'eip2612'
    ? { key: 'eip2612GasSponsoring', info: permitInfo(draft, cast) }
    : { key: 'erc20ApprovalGasSponsoring', info: approvalInfo(draft, cast) };
}

/** As the published client has it. */
function permitInfo({ payer, token, authorization, domain, permit2612 }: Draft, cast: Cast): Json {
  const { key, ...changes } = permit2612;
  const terms = {
    owner: authorization.from,
    spender: devPermit2.permit2,
    value: BigInt(authorization.value),
    nonce: 0n,
    deadline: BigInt(authorization.validBefore),
    ...changes,
  };
  const digest = permit2612Digest({ ...domain, ...changes }, terms);
  const signer = key === undefined ? payer : { ...payer, key };
  return {
    from: terms.owner,
    asset: token.address,
    spender: terms.spender,
    amount: String(terms.value),
    nonce: String(terms.nonce),
    deadline: String(terms.deadline),
    signature: signedBy(signer, digest, cast),
    version: '1',
  };
}

function approvalInfo({ payer, token, authorization, approval }: Draft, { chainId }: Cast): Json {
  const terms: ApprovalTerms = {
    to: token.address,
    data: approveData(devPermit2.permit2, maxUint256),
    value: 0n,
    chainId,
    nonce: 0,
    gas: 70_000n,
    type: 'eip1559',
    key: payer.key,
    ...approval,
  };
  return {
    from: authorization.from,
    asset: token.address,
    spender: devPermit2.permit2,
    amount: String(maxUint256),
    signedTransaction: signedTransaction(terms),
    version: '1',
  };
}

export function approveData(spender: string, amount: bigint): Hex {
  const args = [spender as Address, amount] as const;
  return encodeFunctionData({ abi: devTokenAbi, functionName: 'approve', args });
}

function signedTransaction({ type, key, chainId, to, data, ...terms }: ApprovalTerms): Hex {
  const fees =
    type === 'eip1559'
      ? { type, chainId, maxFeePerGas: gwei, maxPriorityFeePerGas: gwei }
      : {
          type: type === 'eip2930' ? type : ('legacy' as const),
          ...(type === 'legacy of any chain' ? {} : { chainId }),
          gasPrice: gwei,
        };
  const transaction = { ...fees, ...terms, to: to as Address | null, data: data as Hex };
  const signature = signDigest(
    key,
    Buffer.from(keccak256(serializeTransaction(transaction as never)).slice(2), 'hex'),
  );
  const v = BigInt(`0x${signature.slice(130)}`);
  return serializeTransaction(transaction as never, {
    r: `0x${signature.slice(2, 66)}`,
    s: `0x${signature.slice(66, 130)}`,
    v,
    yParity: v === 27n ? 0 : 1,
  });
}
