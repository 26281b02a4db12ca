import { randomBytes } from 'node:crypto';

import {
  devPermit2,
  devTokenAbi,
  devUsdc,
  type DevWallet,
  devWalletFactoryAbi,
  devWalletOf,
  devWallets,
  mintDevToken,
  signForDevWallet,
  wrapCounterfactual,
} from '@quittance/embedded';
import {
  type Address,
  concat,
  createTestClient,
  encodeFunctionData,
  erc20Abi,
  hashTypedData,
  type Hex,
  http,
  publicActions,
  type TypedDataDefinition,
  walletActions,
} from 'viem';
import { generatePrivateKey, privateKeyToAccount } from 'viem/accounts';

import { type Payer, paymentBody, payTo } from './payment.fixture.js';
import { type Ground, networkSetting } from './stack.fixture.js';

export const chainId = 84_532;
export const relayer: Address = '0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266';
const signers = ['an account', 'a wallet', 'a wallet to be deployed', 'an account with a delegate'] as const;
export type SignerKind = (typeof signers)[number];
export const signerKinds: readonly SignerKind[] = signers;

/** Who pays, however they sign. */
export type Signer = {
  readonly address: Address;
  readonly account: ReturnType<typeof privateKeyToAccount>;
  sign(data: TypedDataDefinition): Promise<Hex>;
};

/** The network of the tests, with the wallets' factory allowed. */
export const networksWithFactory = (ground: Ground): string =>
  JSON.stringify([{ ...networkSetting(ground.anvil.rpcUrl), factories: [devWallets.factory] }]);

const clientOf = ({ anvil }: Ground) =>
  createTestClient({ mode: 'anvil', transport: http(anvil.rpcUrl) })
    .extend(publicActions)
    .extend(walletActions);

export async function sendAs(ground: Ground, from: Address, call: { to: Address; data: Hex }): Promise<void> {
  const client = clientOf(ground);
  await client.impersonateAccount({ address: from });
  await client.setBalance({ address: from, value: 10n ** 18n });
  const hash = await client.sendTransaction({ ...call, account: from, chain: null });
  await client.waitForTransactionReceipt({ hash, pollingInterval: 20 });
  await client.setBalance({ address: from, value: 0n });
  // No contract can be deployed at an address that has sent something.
  await client.setNonce({ address: from, nonce: 0 });
  await client.stopImpersonatingAccount({ address: from });
}

export async function setCode(ground: Ground, address: Address, bytecode: Hex): Promise<void> {
  await clientOf(ground).setCode({ address, bytecode });
}

export async function approvePermit2(
  ground: Ground,
  owner: Address,
  amount = 2n ** 256n - 1n,
): Promise<void> {
  const data = encodeFunctionData({
    abi: erc20Abi,
    functionName: 'approve',
    args: [devPermit2.permit2, amount],
  });
  await sendAs(ground, owner, { to: devUsdc.address, data });
}

/** A payer of a kind with 1 USDC, who approved Permit2 unless told. */
export async function newSigner(ground: Ground, kind: SignerKind, { approves = true } = {}): Promise<Signer> {
  const account = privateKeyToAccount(generatePrivateKey());
  const signer = kind.startsWith('a wallet') ? walletSigner(account, kind) : keySigner(account);
  if (kind === 'a wallet') {
    const data = encodeFunctionData({
      abi: devWalletFactoryAbi,
      functionName: 'createWallet',
      args: [account.address, 0n],
    });
    await sendAs(ground, account.address, { to: devWallets.factory, data });
  }
  await mintDevToken(ground.anvil.rpcUrl, { token: devUsdc.address, to: signer.address, amount: 1_000_000n });
  if (approves) await approvePermit2(ground, signer.address);
  if (kind === 'an account with a delegate')
    await setCode(ground, account.address, concat(['0xef0100', devWallets.delegate]));
  return signer;
}

function keySigner(account: Signer['account']): Signer {
  return { account, address: account.address, sign: (data) => account.signTypedData(data) };
}

function walletSigner(account: Signer['account'], kind: SignerKind): Signer {
  const wallet: DevWallet = devWalletOf(account.address);
  const { address } = wallet;
  const sign = async (data: TypedDataDefinition): Promise<Hex> => {
    const digest = hashTypedData(data);
    const signature = await signForDevWallet({ owner: account, wallet: address, chainId, digest });
    return kind === 'a wallet to be deployed' ? wrapCounterfactual(wallet, signature) : signature;
  };
  return { account, address, sign };
}

export type PermitWish = {
  readonly scheme?: 'exact' | 'upto';
  readonly value?: string;
  /** What is asked for: of `upto` at settle what is taken. */
  readonly amount?: string;
  readonly nonce?: bigint;
  readonly deadline?: string;
  readonly validAfter?: string;
  readonly to?: Address;
  readonly token?: Address;
  readonly spender?: Address;
  readonly facilitator?: Address;
  readonly extensions?: Readonly<Record<string, unknown>>;
  readonly extra?: Readonly<Record<string, unknown>>;
};

const now = () => Math.floor(Date.now() / 1_000);

const address = (name: string) => ({ name, type: 'address' });
const uint256 = (name: string) => ({ name, type: 'uint256' });

const permitTypes = (isUpto: boolean) => ({
  TokenPermissions: [address('token'), uint256('amount')],
  Witness: [address('to'), ...(isUpto ? [address('facilitator')] : []), uint256('validAfter')],
  PermitWitnessTransferFrom: [
    { name: 'permitted', type: 'TokenPermissions' },
    address('spender'),
    uint256('nonce'),
    uint256('deadline'),
    { name: 'witness', type: 'Witness' },
  ],
});

/** What is wished, and for the rest what is usual. */
function termsOf(wish: PermitWish) {
  const scheme = wish.scheme ?? 'exact';
  const isUpto = scheme === 'upto';
  return {
    scheme,
    isUpto,
    value: '10000',
    facilitator: relayer,
    token: devUsdc.address as Address,
    spender: (isUpto ? devPermit2.uptoProxy : devPermit2.exactProxy) as Address,
    nonce: BigInt(`0x${randomBytes(32).toString('hex')}`),
    deadline: `${now() + 300}`,
    to: payTo as Address,
    validAfter: '0',
    ...wish,
  };
}

/** A signed v2 request body by Permit2; `wish` says what about it is to be unusual. */
export async function permitBody(payer: Signer, wish: PermitWish = {}) {
  const { scheme, isUpto, value, facilitator, spender, nonce, deadline, ...terms } = termsOf(wish);
  const permitted = { token: terms.token, amount: value };
  const pinned = isUpto ? { facilitator } : {};
  const witness = { to: terms.to, ...pinned, validAfter: terms.validAfter };
  const signature = await payer.sign({
    domain: { name: 'Permit2', chainId, verifyingContract: devPermit2.permit2 },
    types: permitTypes(isUpto),
    primaryType: 'PermitWitnessTransferFrom',
    message: {
      permitted: { ...permitted, amount: BigInt(value) },
      spender,
      nonce,
      deadline: BigInt(deadline),
      witness: { ...witness, validAfter: BigInt(witness.validAfter) },
    },
  });
  const accepted = {
    scheme,
    network: `eip155:${chainId}`,
    amount: value,
    asset: devUsdc.address as string,
    payTo: payTo as string,
    maxTimeoutSeconds: 300,
    extra: {
      name: devUsdc.name,
      version: devUsdc.version,
      assetTransferMethod: 'permit2',
      ...(isUpto ? { facilitatorAddress: facilitator } : {}),
      ...wish.extra,
    },
  };
  return {
    x402Version: 2,
    paymentPayload: {
      x402Version: 2,
      resource: { url: 'https://shop.example/weather' },
      accepted,
      payload: {
        signature: signature as string,
        permit2Authorization: {
          from: payer.address,
          permitted,
          spender,
          nonce: nonce.toString(),
          deadline,
          witness: witness as Readonly<Record<string, string>>,
        },
      },
      ...(wish.extensions === undefined ? {} : { extensions: wish.extensions }),
    },
    paymentRequirements: { ...accepted, amount: wish.amount ?? value },
  };
}

/** EIP-3009 signed as the payer signs. */
export const transferBody = (payer: Signer, extra: Readonly<Record<string, unknown>> = {}) =>
  paymentBody({ ...payer.account, address: payer.address, signTypedData: payer.sign } as unknown as Payer, {
    requirements: { extra: { name: devUsdc.name, version: devUsdc.version, ...extra } },
  });

/** The extension with an EIP-2612 permit to Permit2, as the published client fills it in. */
export async function permit2612(payer: Signer, changes: Readonly<Record<string, string>> = {}) {
  const terms = {
    from: payer.address,
    asset: devUsdc.address,
    spender: devPermit2.permit2,
    amount: '10000',
    nonce: '0',
    deadline: `${now() + 300}`,
    ...changes,
  };
  const signature = await payer.account.signTypedData({
    domain: { name: devUsdc.name, version: devUsdc.version, chainId, verifyingContract: devUsdc.address },
    types: {
      Permit: [
        { name: 'owner', type: 'address' },
        { name: 'spender', type: 'address' },
        { name: 'value', type: 'uint256' },
        { name: 'nonce', type: 'uint256' },
        { name: 'deadline', type: 'uint256' },
      ],
    },
    primaryType: 'Permit',
    message: {
      owner: payer.address,
      spender: devPermit2.permit2,
      value: BigInt(terms.amount),
      nonce: BigInt(terms.nonce),
      deadline: BigInt(terms.deadline),
    },
  });
  return { eip2612GasSponsoring: { info: { ...terms, signature, version: '1', ...changes }, schema: {} } };
}

export type ApprovalWish = {
  readonly to?: Address;
  readonly data?: Hex;
  readonly by?: Signer;
  readonly info?: Readonly<Record<string, string>>;
};

/** The extension with a signed transaction that approves Permit2, as the published client fills it in. */
export async function signedApproval(payer: Signer, wish: ApprovalWish = {}) {
  const amount = 2n ** 256n - 1n;
  const data =
    wish.data ??
    encodeFunctionData({ abi: devTokenAbi, functionName: 'approve', args: [devPermit2.permit2, amount] });
  const signedTransaction = await (wish.by ?? payer).account.signTransaction({
    type: 'eip1559',
    chainId,
    nonce: 0,
    to: wish.to ?? devUsdc.address,
    data,
    gas: 70_000n,
    maxFeePerGas: 10n ** 9n,
    maxPriorityFeePerGas: 10n ** 8n,
  });
  const info = {
    from: payer.address,
    asset: devUsdc.address,
    spender: devPermit2.permit2,
    amount: amount.toString(),
    signedTransaction,
    version: '1',
    ...wish.info,
  };
  return { erc20ApprovalGasSponsoring: { info, schema: {} } };
}
