import {
  type Anvil,
  devPermit2,
  devTokenAbi,
  devUsdc,
  type DevWallet,
  devWalletAbi,
  devWalletOf,
  devWallets,
  multicall3Address,
  signForDevWallet,
  wrapCounterfactual,
  wrapForDevWallet,
} from '@quittance/embedded';
import {
  type Address,
  createTestClient,
  encodeFunctionData,
  hashTypedData,
  type Hex,
  http,
  type LocalAccount,
  maxUint256,
  multicall3Abi,
  parseEther,
  parseGwei,
  publicActions,
  type TypedDataDefinition,
  walletActions,
} from 'viem';
import { generatePrivateKey, type PrivateKeyAccount, privateKeyToAccount, toAccount } from 'viem/accounts';

import type { PayerKind } from './plan.js';

export type PayerWish = {
  readonly kind: PayerKind;
  /** Whether Permit2 is to be approved before anything is bought. */
  readonly approved: boolean;
  /** A wallet's signature: 65 bytes, or longer and in a form of its own. */
  readonly form: 'bare' | 'wrapped';
};

/** Somebody who pays, as any client takes them: what signs for an address. */
export type MatrixPayer = {
  readonly kind: PayerKind;
  readonly address: Address;
  readonly account: LocalAccount;
};

export const firstBalance = 1_000_000n;

const gasMoney = parseEther('1');
const callGas = 200_000n;
const crowdGas = 25_000_000n;
const maxFeePerGas = parseGwei('100');

type Person = PayerWish & { readonly owner: PrivateKeyAccount; readonly wallet: DevWallet | null };

const connect = (rpcUrl: string) =>
  createTestClient({ mode: 'anvil', transport: http(rpcUrl), cacheTime: 0, pollingInterval: 10 })
    .extend(publicActions)
    .extend(walletActions);
type Client = ReturnType<typeof connect>;

/**
 * Brings payers into being: with money, deployed or delegating, and with Permit2 approved, as each is wished for. All
 * that can be done for many at once is.
 */
export async function preparePayers(chain: Anvil, wishes: readonly PayerWish[]): Promise<MatrixPayer[]> {
  const client = connect(chain.rpcUrl);
  const people = wishes.map((wish): Person => {
    const owner = privateKeyToAccount(generatePrivateKey());
    const isWallet = wish.kind === 'erc1271' || wish.kind === 'erc6492';
    return { ...wish, owner, wallet: isWallet ? devWalletOf(owner.address) : null };
  });
  const helper = privateKeyToAccount(generatePrivateKey());
  await client.setBalance({ address: helper.address, value: parseEther('100') });
  await fundAndDeploy(client, helper, people);
  await delegate(client, helper, { people, chainId: chain.chainId });
  await Promise.all(people.filter(({ approved }) => approved).map(async (one) => approve(client, one)));
  return people.map((person) => payerOf(person, chain.chainId));
}

const addressOf = ({ owner, wallet }: Person): Address => wallet?.address ?? owner.address;

async function fundAndDeploy(client: Client, helper: PrivateKeyAccount, people: readonly Person[]) {
  const calls = people.flatMap((person) => {
    const args = [addressOf(person), firstBalance] as const;
    const mint = encodeFunctionData({ abi: devTokenAbi, functionName: 'mint', args });
    const funding = { target: devUsdc.address, allowFailure: false, callData: mint };
    if (person.kind !== 'erc1271' || person.wallet === null) return [funding];
    const { factory, factoryData } = person.wallet;
    return [funding, { target: factory, allowFailure: false, callData: factoryData }];
  });
  for (let at = 0; at < calls.length; at += callsAtOnce) {
    const args = [calls.slice(at, at + callsAtOnce)] as const;
    const data = encodeFunctionData({ abi: multicall3Abi, functionName: 'aggregate3', args });
    await send(client, helper, { to: multicall3Address, data, gas: crowdGas });
  }
}

const callsAtOnce = 30;

/** One transaction with the authorizations of all accounts that delegate (EIP-7702). */
async function delegate(
  client: Client,
  helper: PrivateKeyAccount,
  { people, chainId }: { readonly people: readonly Person[]; readonly chainId: number },
): Promise<void> {
  const delegating = people.filter(({ kind }) => kind === 'eip7702');
  const authorizationList = await Promise.all(
    delegating.map(async ({ owner }) =>
      owner.signAuthorization({ contractAddress: devWallets.delegate, chainId, nonce: 0 }),
    ),
  );
  if (authorizationList.length === 0) return;
  await send(client, helper, { to: helper.address, data: '0x', gas: crowdGas, authorizationList });
}

async function approve(client: Client, { owner, wallet }: Person): Promise<void> {
  const approval = encodeFunctionData({
    abi: devTokenAbi,
    functionName: 'approve',
    args: [devPermit2.permit2, maxUint256],
  });
  await client.setBalance({ address: owner.address, value: gasMoney });
  if (wallet === null) return send(client, owner, { to: devUsdc.address, data: approval, gas: callGas });
  const args = [devUsdc.address, 0n, approval] as const;
  const data = encodeFunctionData({ abi: devWalletAbi, functionName: 'execute', args });
  return send(client, owner, { to: wallet.address, data, gas: callGas });
}

type Sending = {
  readonly to: Address;
  readonly data: Hex;
  readonly gas: bigint;
  readonly authorizationList?: Awaited<ReturnType<PrivateKeyAccount['signAuthorization']>>[];
};

async function send(client: Client, account: PrivateKeyAccount, call: Sending): Promise<void> {
  const fees = { maxFeePerGas, maxPriorityFeePerGas: 0n };
  const hash = await client.sendTransaction({ ...call, ...fees, account, chain: null });
  const { status } = await client.waitForTransactionReceipt({ hash });
  if (status !== 'success') throw new Error(`the transaction ${hash} to ${call.to} did not succeed`);
}

function payerOf({ kind, owner, wallet, form }: Person, chainId: number): MatrixPayer {
  if (wallet === null) return { kind, address: owner.address, account: owner };
  const { address } = wallet;
  const account = toAccount({
    address,
    signTypedData: async (message) => {
      const digest = hashTypedData(message as TypedDataDefinition);
      const bare = await signForDevWallet({ owner, wallet: address, chainId, digest });
      const signature = form === 'bare' ? bare : wrapForDevWallet(bare);
      return kind === 'erc6492' ? wrapCounterfactual(wallet, signature) : signature;
    },
    sign: unable,
    signMessage: unable,
    signTransaction: unable,
  });
  return { kind, address, account: account as LocalAccount };
}

/** A wallet signs typed data for what it pays, and no transactions. */
async function unable(): Promise<never> {
  throw new Error('a smart wallet cannot sign this');
}
