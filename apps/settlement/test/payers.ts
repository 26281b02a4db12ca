import { randomBytes, randomUUID } from 'node:crypto';

import {
  devPermit2,
  devPermit2Abi,
  devTokenAbi,
  type DevWallet,
  devWalletOf,
  devWallets,
  signForDevWallet,
  wrapCounterfactual,
  wrapForDevWallet,
} from '@quittance/embedded';
import { createEvent, type EventParts } from '@quittance/events';
import { erc20AssetId, type ChainId } from '@quittance/money';
import { paymentIdOf } from '@quittance/protocol';
import {
  concat,
  createTestClient,
  encodeFunctionData,
  hashTypedData,
  http,
  maxUint256,
  publicActions,
  type TypedDataDefinition,
  walletActions,
} from 'viem';
import { generatePrivateKey, privateKeyToAccount, type PrivateKeyAccount } from 'viem/accounts';

import type { Accepted } from './records.js';

type Hex = `0x${string}`;

/** Who judges a payer's signature: nobody's code, its own, that of its delegate, or that of a wallet yet to be deployed. */
export const signers = ['account', 'wallet', 'delegated', 'counterfactual'] as const;
export type Signer = (typeof signers)[number];

export type Payer = {
  readonly signer: Signer;
  readonly address: Hex;
  readonly key: PrivateKeyAccount;
  readonly wallet: DevWallet | null;
};

export type Sponsoring = NonNullable<Accepted['data']['sponsoring']>;

export type Terms = {
  readonly amount?: bigint;
  readonly payTo?: Hex;
  readonly validForSeconds?: number;
  readonly nonce?: Hex;
  /** By upto: the relayer that must send it; `ceiling` is what is signed then. */
  readonly facilitator?: Hex;
  readonly ceiling?: bigint;
  readonly sponsoring?: Sponsoring;
};

type Place = {
  readonly anvil: { readonly rpcUrl: string; readonly chainId: number };
  readonly network: { readonly chainId: ChainId };
};

const usdc: Hex = '0x036cbd53842c5426634e7929541ec2318f3dcf7e';
const gas = 10n ** 18n;
const funds = 1_000_000_000n;
const approveGas = 70_000n;

const authorizationFields = [
  { name: 'from', type: 'address' },
  { name: 'to', type: 'address' },
  { name: 'value', type: 'uint256' },
  { name: 'validAfter', type: 'uint256' },
  { name: 'validBefore', type: 'uint256' },
  { name: 'nonce', type: 'bytes32' },
] as const;
const permittedFields = [
  { name: 'token', type: 'address' },
  { name: 'amount', type: 'uint256' },
] as const;
const permitFields = [
  { name: 'permitted', type: 'TokenPermissions' },
  { name: 'spender', type: 'address' },
  { name: 'nonce', type: 'uint256' },
  { name: 'deadline', type: 'uint256' },
  { name: 'witness', type: 'Witness' },
] as const;
const approvalFields = [
  { name: 'owner', type: 'address' },
  { name: 'spender', type: 'address' },
  { name: 'value', type: 'uint256' },
  { name: 'nonce', type: 'uint256' },
  { name: 'deadline', type: 'uint256' },
] as const;

const lower = (address: string): Hex => address.toLowerCase() as Hex;

/** Payers of every kind on a dev chain, and what they sign: by viem, which shares nothing with what is tested. */
export class Payers {
  constructor(private readonly place: Place) {}

  private get client() {
    const transport = http(this.place.anvil.rpcUrl);
    return createTestClient({ mode: 'anvil', transport, pollingInterval: 20 })
      .extend(publicActions)
      .extend(walletActions);
  }

  /** A new payer with money, and with nothing approved or deployed that its kind does not say. */
  async fresh(signer: Signer = 'account'): Promise<Payer> {
    const key = privateKeyToAccount(generatePrivateKey());
    const wallet = signer === 'wallet' || signer === 'counterfactual' ? devWalletOf(key.address) : null;
    const address = lower(wallet?.address ?? key.address);
    if (signer === 'wallet' && wallet !== null)
      await this.send(key.address, { to: wallet.factory, data: wallet.factoryData });
    if (signer === 'delegated')
      await this.client.setCode({ address, bytecode: concat(['0xef0100', devWallets.delegate]) });
    await this.mint(address, funds);
    return { signer, address, key, wallet };
  }

  async mint(address: Hex, value: bigint): Promise<void> {
    const data = encodeFunctionData({ abi: devTokenAbi, functionName: 'mint', args: [address, value] });
    // Anybody may, and one that sends nothing else has no nonce to share.
    await this.send(privateKeyToAccount(generatePrivateKey()).address, { to: usdc, data });
  }

  /** The payer lets Permit2 take everything, or so much. */
  async approve({ address, signer }: Payer, value = maxUint256): Promise<void> {
    const args = [devPermit2.permit2, value] as const;
    const data = encodeFunctionData({ abi: devTokenAbi, functionName: 'approve', args });
    await this.send(address, { to: usdc, data });
    // Nothing is ever deployed to an address that has sent a transaction.
    if (signer === 'counterfactual') await this.client.setNonce({ address, nonce: 0 });
  }

  /** The payer says by itself that a nonce of its is spent. */
  async invalidate({ address }: Payer, nonce: Hex): Promise<void> {
    const args = [BigInt(nonce) >> 8n, 1n << (BigInt(nonce) & 255n)] as const;
    const functionName = 'invalidateUnorderedNonces';
    const data = encodeFunctionData({ abi: devPermit2Abi, functionName, args });
    await this.send(address, { to: devPermit2.permit2, data });
  }

  /** Whatever an account's code: anvil sends for it. */
  async send(from: Hex, call: { readonly to: Hex; readonly data: Hex }): Promise<Hex> {
    const { client } = this;
    const before = await client.getBalance({ address: from });
    await client.setBalance({ address: from, value: gas });
    await client.impersonateAccount({ address: from });
    const hash = await client.sendTransaction({ account: from, chain: null, ...call });
    const { status } = await client.waitForTransactionReceipt({ hash });
    await client.stopImpersonatingAccount({ address: from });
    await client.setBalance({ address: from, value: before });
    if (status !== 'success') throw new Error(`a transaction of ${from} reverted`);
    return hash;
  }

  async balance(address: Hex): Promise<bigint> {
    return this.client.readContract({
      address: usdc,
      abi: devTokenAbi,
      functionName: 'balanceOf',
      args: [address],
    });
  }

  /** A payment by EIP-3009 as the facilitator accepts it. */
  async byToken(payer: Payer, terms: Terms = {}): Promise<Accepted> {
    const given = timed(terms);
    const { amount, payTo, nonce, validAfter, validBefore } = given;
    const authorization = { from: payer.address, to: payTo, value: amount, validAfter, validBefore, nonce };
    const signature = await this.sign(payer, {
      domain: { name: 'USDC', version: '2', chainId: this.place.anvil.chainId, verifyingContract: usdc },
      types: { TransferWithAuthorization: authorizationFields },
      primaryType: 'TransferWithAuthorization',
      message: authorization,
    });
    return this.accepted(payer, { ...given, signature, method: 'eip3009', authority: usdc });
  }

  /** A payment by Permit2: by upto where the terms name a facilitator. */
  async byPermit(payer: Payer, terms: Terms = {}): Promise<Accepted> {
    const given = timed(terms);
    const { facilitator, sponsoring } = terms;
    const isUpto = facilitator !== undefined;
    const witness = { to: given.payTo, validAfter: given.validAfter, ...(isUpto ? { facilitator } : {}) };
    const to = { name: 'to', type: 'address' } as const;
    const named = isUpto ? [{ name: 'facilitator', type: 'address' } as const] : [];
    const signature = await this.sign(payer, {
      domain: {
        name: 'Permit2',
        chainId: this.place.anvil.chainId,
        verifyingContract: devPermit2.permit2,
      },
      types: {
        PermitWitnessTransferFrom: permitFields,
        TokenPermissions: permittedFields,
        Witness: [to, ...named, { name: 'validAfter', type: 'uint256' }],
      },
      primaryType: 'PermitWitnessTransferFrom',
      message: {
        permitted: { token: usdc, amount: given.ceiling },
        spender: isUpto ? devPermit2.uptoProxy : devPermit2.exactProxy,
        nonce: BigInt(given.nonce),
        deadline: given.validBefore,
        witness,
      },
    });
    return this.accepted(payer, {
      ...given,
      signature,
      method: 'permit2',
      authority: lower(devPermit2.permit2),
      ...(isUpto ? { facilitator } : {}),
      ...(sponsoring === undefined ? {} : { sponsoring }),
    });
  }

  /** A signed EIP-2612 permit for Permit2 over what a payment needs. */
  async permit2612(payer: Payer, amount = 10_000n): Promise<Sponsoring> {
    const deadline = BigInt(Math.floor(Date.now() / 1_000)) + 300n;
    const args = [payer.address] as const;
    const nonce = await this.client.readContract({
      address: usdc,
      abi: devTokenAbi,
      functionName: 'nonces',
      args,
    });
    const signature = await payer.key.signTypedData({
      domain: { name: 'USDC', version: '2', chainId: this.place.anvil.chainId, verifyingContract: usdc },
      types: { Permit: approvalFields },
      primaryType: 'Permit',
      message: { owner: payer.address, spender: devPermit2.permit2, value: amount, nonce, deadline },
    });
    return {
      kind: 'eip2612',
      ...approvalOf(payer, amount),
      nonce: nonce.toString(),
      deadline: deadline.toString(),
      signature,
    };
  }

  /** The payer's own signed transaction that approves Permit2; it has no gas to send it. */
  async approval(
    payer: Payer,
    changes: { readonly nonce?: number; readonly maxFeePerGas?: bigint; readonly amount?: bigint } = {},
  ): Promise<Sponsoring> {
    const { amount = maxUint256, nonce = 0, maxFeePerGas = 3_000_000_000n } = changes;
    const args = [devPermit2.permit2, amount] as const;
    const signedTransaction = await payer.key.signTransaction({
      type: 'eip1559',
      chainId: this.place.anvil.chainId,
      to: usdc,
      data: encodeFunctionData({ abi: devTokenAbi, functionName: 'approve', args }),
      nonce,
      gas: approveGas,
      maxFeePerGas,
      maxPriorityFeePerGas: 1_000_000n,
    });
    return { kind: 'erc20_approval', ...approvalOf(payer, amount), signedTransaction };
  }

  private async sign(payer: Payer, typed: TypedDataDefinition): Promise<Hex> {
    const { wallet, key } = payer;
    if (wallet === null) return key.signTypedData(typed);
    const digest = hashTypedData(typed);
    const { chainId } = this.place.anvil;
    const signature = await signForDevWallet({ owner: key, wallet: wallet.address, chainId, digest });
    return payer.signer === 'counterfactual'
      ? wrapCounterfactual(wallet, signature)
      : wrapForDevWallet(signature);
  }

  private accepted(payer: Payer, signed: Signed): Accepted {
    const { chainId } = this.place.network;
    const { authority, signature, method, facilitator, sponsoring } = signed;
    const data: EventParts<'payment.accepted'>['data'] = {
      paymentId: paymentIdOf({ chainId, asset: authority, payer: payer.address, nonce: signed.nonce }),
      chainId,
      asset: erc20AssetId(chainId, usdc),
      payer: payer.address,
      payTo: signed.payTo,
      amount: signed.amount.toString(),
      x402Version: 2,
      scheme: facilitator === undefined ? 'exact' : 'upto',
      method,
      resource: null,
      authorization: {
        from: payer.address,
        to: signed.payTo,
        value: signed.ceiling.toString(),
        validAfter: signed.validAfter.toString(),
        validBefore: signed.validBefore.toString(),
        nonce: signed.nonce,
      },
      signature,
      ...(facilitator === undefined ? {} : { facilitator: lower(facilitator) }),
      ...(sponsoring === undefined ? {} : { sponsoring }),
      payerHasCode: payer.signer === 'wallet' || payer.signer === 'delegated',
    };
    return createEvent({
      id: randomUUID(),
      type: 'payment.accepted',
      occurredAt: new Date(),
      causationId: null,
      data,
    });
  }
}

type Signed = ReturnType<typeof timed> &
  Pick<Terms, 'facilitator' | 'sponsoring'> & {
    readonly signature: Hex;
    readonly method: 'eip3009' | 'permit2';
    readonly authority: Hex;
  };

function timed(terms: Terms) {
  const now = BigInt(Math.floor(Date.now() / 1_000));
  const { amount = 10_000n } = terms;
  return {
    amount,
    ceiling: terms.ceiling ?? amount,
    payTo: terms.payTo ?? lower(privateKeyToAccount(generatePrivateKey()).address),
    validAfter: now - 600n,
    validBefore: now + BigInt(terms.validForSeconds ?? 300),
    nonce: terms.nonce ?? (`0x${randomBytes(32).toString('hex')}` as Hex),
  };
}

function approvalOf({ address }: Payer, amount: bigint) {
  const spender = lower(devPermit2.permit2);
  return { from: address, asset: usdc, spender, amount: amount.toString() };
}
