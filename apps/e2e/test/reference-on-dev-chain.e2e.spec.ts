import { readFileSync } from 'node:fs';

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import {
  type Anvil,
  devPermit2,
  devTokenAbi,
  devUsdc,
  type DevWallet,
  devWalletAbi,
  devWalletOf,
  devWallets,
  mintDevToken,
  signForDevWallet,
  startAnvil,
  wrapCounterfactual,
  wrapForDevWallet,
} from '@quittance/embedded';
import type { x402Facilitator } from '@x402/core/facilitator';
import type { PaymentPayload, PaymentRequirements } from '@x402/core/types';
import { x402ExactPermit2ProxyABI, x402UptoPermit2ProxyABI } from '@x402/evm';
import {
  type AbiParameter,
  type Address,
  createTestClient,
  encodeFunctionData,
  hashTypedData,
  type Hex,
  http,
  maxUint256,
  parseEther,
  publicActions,
  toFunctionSignature,
  type TypedDataDefinition,
  walletActions,
} from 'viem';
import { generatePrivateKey, type PrivateKeyAccount, privateKeyToAccount } from 'viem/accounts';

import {
  type Offer,
  referenceFacilitator,
  referencePayment,
  type ReferenceSigner,
} from '../src/reference.js';

/**
 * The published facilitator verifies and settles on our dev chain what the published client signs. Contracts that are
 * stand-ins of ours behave as it expects, then.
 */
const chainId = 84_532;
const network = `eip155:${chainId}` as const;
const price = 10_000n;
const firstBalance = 1_000_000n;

let anvil: Anvil;
let facilitator: x402Facilitator;

beforeAll(async () => {
  anvil = await startAnvil({ chainId });
  facilitator = newFacilitator([devWallets.factory]);
});
afterAll(async () => anvil?.stop());

function newFacilitator(factories: readonly Address[]): x402Facilitator {
  const relayerKey = anvil.accounts[0]!.privateKey;
  return referenceFacilitator({ rpcUrl: anvil.rpcUrl, chainId, relayerKey, factories });
}

const chain = () =>
  createTestClient({ mode: 'anvil', transport: http(anvil.rpcUrl), cacheTime: 0, pollingInterval: 10 })
    .extend(publicActions)
    .extend(walletActions);

const newAccount = (): PrivateKeyAccount => privateKeyToAccount(generatePrivateKey());

async function fund(address: Address): Promise<void> {
  await mintDevToken(anvil.rpcUrl, { token: devUsdc.address, to: address, amount: firstBalance });
}

async function newPayer(): Promise<PrivateKeyAccount> {
  const account = newAccount();
  await fund(account.address);
  return account;
}

async function balanceOf(account: Address): Promise<bigint> {
  const contract = { address: devUsdc.address, abi: devTokenAbi } as const;
  return chain().readContract({ ...contract, functionName: 'balanceOf', args: [account] });
}

async function send(account: PrivateKeyAccount, call: { to: Address; data?: Hex }, authorizationList = {}) {
  await chain().setBalance({ address: account.address, value: parseEther('1') });
  const request = { ...call, ...authorizationList, account, chain: null, gas: 1_000_000n } as const;
  const hash = await chain().sendTransaction(request);
  expect(await chain().waitForTransactionReceipt({ hash })).toMatchObject({ status: 'success' });
}

async function approvePermit2(account: PrivateKeyAccount): Promise<void> {
  const args = [devPermit2.permit2, maxUint256] as const;
  const data = encodeFunctionData({ abi: devTokenAbi, functionName: 'approve', args });
  await send(account, { to: devUsdc.address, data });
}

function asked(changes: Partial<PaymentRequirements> = {}): PaymentRequirements {
  return {
    scheme: 'exact',
    network,
    amount: price.toString(),
    asset: devUsdc.address,
    payTo: newAccount().address,
    maxTimeoutSeconds: 300,
    extra: { name: devUsdc.name, version: devUsdc.version },
    ...changes,
  };
}

const permit2 = { name: devUsdc.name, version: devUsdc.version, assetTransferMethod: 'permit2' };

async function pay(signer: ReferenceSigner, offer: Offer): Promise<PaymentPayload> {
  return referencePayment(signer, { rpcUrl: anvil.rpcUrl, chainId }, offer);
}

async function expectPaid(payload: PaymentPayload, requirements: PaymentRequirements, payer: Address) {
  expect(await facilitator.verify(payload, requirements)).toMatchObject({ isValid: true });
  const settled = await facilitator.settle(payload, requirements);
  expect(settled).toMatchObject({
    success: true,
    payer,
    transaction: expect.stringMatching(/^0x[0-9a-f]{64}$/),
  });
  expect(await balanceOf(requirements.payTo as Address)).toBe(price);
  expect(await balanceOf(payer)).toBe(firstBalance - price);
  expect(await facilitator.settle(payload, requirements)).toMatchObject({ success: false });
  expect(await balanceOf(requirements.payTo as Address)).toBe(price);
}

describe('The reference facilitator on the dev chain, exact by Permit2', () => {
  it('settles what the payer approved before, and says when they did not', async () => {
    const payer = await newPayer();
    const requirements = asked({ extra: permit2 });
    const payload = await pay(payer, { requirements });
    expect(await facilitator.verify(payload, requirements)).toMatchObject({
      isValid: false,
      invalidReason: 'permit2_allowance_required',
    });
    await approvePermit2(payer);
    await expectPaid(payload, requirements, payer.address);
  });

  it('settles with a sponsored permit (EIP-2612), for a payer without gas', async () => {
    const payer = await newPayer();
    const requirements = asked({ extra: permit2 });
    const payload = await pay(payer, { requirements, sponsoring: ['eip2612GasSponsoring'] });
    expect(payload.extensions).toHaveProperty('eip2612GasSponsoring.info.signature');
    await expectPaid(payload, requirements, payer.address);
    expect(await chain().getTransactionCount({ address: payer.address })).toBe(0);
  });

  it('settles with a sponsored approval (ERC-20)', async () => {
    const payer = await newPayer();
    const requirements = asked({ extra: permit2 });
    const payload = await pay(payer, { requirements, sponsoring: ['erc20ApprovalGasSponsoring'] });
    expect(payload.extensions).toHaveProperty('erc20ApprovalGasSponsoring.info.signedTransaction');
    await expectPaid(payload, requirements, payer.address);
    expect(await chain().getTransactionCount({ address: payer.address })).toBe(1);
  });

  it('settles for a smart wallet and for an EIP-7702 account', async () => {
    const { owner, wallet } = await deployedWallet();
    const args = [devPermit2.permit2, maxUint256] as const;
    const data = encodeFunctionData({ abi: devTokenAbi, functionName: 'approve', args });
    await executeAs(owner, wallet, data);
    const account = await delegatedAccount();
    await approvePermit2(account);
    for (const signer of [walletSigner(owner, wallet, wrapForDevWallet), account]) {
      const requirements = asked({ extra: permit2 });
      await expectPaid(await pay(signer, { requirements }), requirements, signer.address);
    }
  });
});

describe('The reference facilitator on the dev chain, upto', () => {
  const ceiling = 4n * price;

  function askedUpTo(): PaymentRequirements {
    const kind = facilitator.getSupported().kinds.find(({ scheme }) => scheme === 'upto');
    const extra = { ...permit2, ...kind?.extra };
    return asked({ scheme: 'upto', amount: ceiling.toString(), extra });
  }

  it.each([
    ['approved before', false],
    ['with a sponsored permit', true],
  ])('settles a part of the ceiling, %s', async (_, sponsored) => {
    const payer = await newPayer();
    if (!sponsored) await approvePermit2(payer);
    const requirements = askedUpTo();
    const sponsoring = sponsored ? (['eip2612GasSponsoring'] as const) : [];
    const payload = await pay(payer, { requirements, sponsoring });
    expect(await facilitator.verify(payload, requirements)).toMatchObject({ isValid: true });
    const settled = await facilitator.settle(payload, { ...requirements, amount: price.toString() });
    expect(settled).toMatchObject({ success: true, amount: price.toString() });
    expect(await balanceOf(requirements.payTo as Address)).toBe(price);
    expect(await balanceOf(payer.address)).toBe(firstBalance - price);
  });

  it('settles 0 without a transaction, and nothing above the ceiling', async () => {
    const payer = await newPayer();
    await approvePermit2(payer);
    const requirements = askedUpTo();
    const payload = await pay(payer, { requirements });
    expect(await facilitator.settle(payload, { ...requirements, amount: '0' })).toMatchObject({
      success: true,
      transaction: '',
      amount: '0',
    });
    const more = { ...requirements, amount: (ceiling + 1n).toString() };
    expect(await facilitator.settle(payload, more)).toMatchObject({
      success: false,
      errorReason: 'invalid_upto_evm_payload_settlement_exceeds_amount',
    });
    expect(await balanceOf(payer.address)).toBe(firstBalance);
  });
});

describe('The reference facilitator on the dev chain, exact by EIP-3009', () => {
  it.each([
    ['bare', (signature: Hex) => signature],
    ['wrapped', wrapForDevWallet],
  ])('settles for a deployed ERC-1271 wallet whose signature is %s', async (_, inForm) => {
    const { owner, wallet } = await deployedWallet();
    const requirements = asked();
    const payload = await pay(walletSigner(owner, wallet, inForm), { requirements });
    await expectPaid(payload, requirements, wallet.address);
    const forged = await pay(walletSigner(newAccount(), wallet, inForm), { requirements });
    expect(await facilitator.verify(forged, requirements)).toMatchObject({ isValid: false });
  });

  it('settles for an EIP-7702 account, and not for one whose delegate does not know its key', async () => {
    const account = await delegatedAccount();
    const requirements = asked();
    await expectPaid(await pay(account, { requirements }), requirements, account.address);

    const { wallet } = await deployedWallet();
    const misled = await delegatedAccount(wallet.address);
    expect(await facilitator.verify(await pay(misled, { requirements }), requirements)).toMatchObject({
      isValid: false,
      invalidReason: 'invalid_exact_evm_signature',
    });
  });

  it.each([
    ['bare', (signature: Hex) => signature],
    ['wrapped', wrapForDevWallet],
  ])('deploys a counterfactual wallet whose signature is %s, and settles', async (_, inForm) => {
    const owner = newAccount();
    const wallet = devWalletOf(owner.address);
    await fund(wallet.address);
    const requirements = asked();
    const signer = walletSigner(owner, wallet, (signature) => wrapCounterfactual(wallet, inForm(signature)));
    const payload = await pay(signer, { requirements });
    expect(await newFacilitator([]).verify(payload, requirements)).toMatchObject({
      isValid: false,
      invalidReason: expect.stringContaining('factory_not_allowed'),
    });
    await expectPaid(payload, requirements, wallet.address);
    expect(await chain().getCode({ address: wallet.address })).toBeDefined();
  });

  it('does not take the word of somebody else for a counterfactual wallet', async () => {
    const wallet = devWalletOf(newAccount().address);
    await fund(wallet.address);
    const requirements = asked();
    const forger = walletSigner(newAccount(), wallet, (signature) => wrapCounterfactual(wallet, signature));
    const payload = await pay(forger, { requirements });
    expect(await facilitator.verify(payload, requirements)).toMatchObject({ isValid: false });
  });
});

describe('The proxies of the dev chain', () => {
  it.each([
    ['ExactPermit2Proxy', x402ExactPermit2ProxyABI],
    ['UptoPermit2Proxy', x402UptoPermit2ProxyABI],
  ] as const)('%s has every function, event and error of the published ABI', (name, published) => {
    const path = new URL(`../../../infra/contracts/artifacts/${name}.json`, import.meta.url);
    const { abi } = JSON.parse(readFileSync(path, 'utf8')) as { abi: AbiItem[] };
    // Its constructor's: ours has none.
    const expected = signaturesOf(published as readonly AbiItem[]).filter(
      (signature) => signature !== 'error InvalidPermit2Address()',
    );
    expect(signaturesOf(abi)).toEqual(expected);
  });
});

type AbiItem = { readonly type: string; readonly name: string; readonly inputs: readonly AbiParameter[] };

function signaturesOf(abi: readonly AbiItem[]): string[] {
  return abi
    .map(({ type, name, inputs }) => {
      const item = { type: 'function', name, inputs, outputs: [], stateMutability: 'view' } as const;
      return `${type} ${toFunctionSignature(item)}`;
    })
    .sort();
}

async function deployedWallet(): Promise<{ owner: PrivateKeyAccount; wallet: DevWallet }> {
  const owner = newAccount();
  const wallet = devWalletOf(owner.address);
  await send(owner, { to: wallet.factory, data: wallet.factoryData });
  await fund(wallet.address);
  return { owner, wallet };
}

async function executeAs(owner: PrivateKeyAccount, wallet: DevWallet, data: Hex): Promise<void> {
  const args = [devUsdc.address, 0n, data] as const;
  await send(owner, {
    to: wallet.address,
    data: encodeFunctionData({ abi: devWalletAbi, functionName: 'execute', args }),
  });
}

/** Signs as a wallet does: the typed data's digest, by its owner, in the wallet's form. */
function walletSigner(
  owner: PrivateKeyAccount,
  wallet: DevWallet,
  inForm: (signature: Hex) => Hex,
): ReferenceSigner {
  return {
    address: wallet.address,
    signTypedData: async (message) => {
      const digest = hashTypedData(message as TypedDataDefinition);
      return inForm(await signForDevWallet({ owner, wallet: wallet.address, chainId, digest }));
    },
  };
}

async function delegatedAccount(contractAddress: Address = devWallets.delegate): Promise<PrivateKeyAccount> {
  const account = await newPayer();
  const authorization = await account.signAuthorization({ contractAddress, chainId, nonce: 0 });
  const relayer = privateKeyToAccount(anvil.accounts[1]!.privateKey);
  await send(relayer, { to: account.address }, { authorizationList: [authorization] });
  return account;
}
