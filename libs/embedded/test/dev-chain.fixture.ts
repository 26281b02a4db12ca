import {
  type Abi,
  type Address,
  BaseError,
  type Call,
  ContractFunctionRevertedError,
  createTestClient,
  encodeFunctionData,
  type Hex,
  http,
  maxUint256,
  type PublicActions,
  publicActions,
  type TestClient,
  type TransactionReceipt,
  type WalletActions,
  walletActions,
} from 'viem';
import { generatePrivateKey, type PrivateKeyAccount, privateKeyToAccount } from 'viem/accounts';

import { startAnvil } from '../src/anvil.js';
import { mintDevToken } from '../src/dev-chain.js';
import { devPermit2, devPermit2Abi } from '../src/dev-permit2.js';
import { devTokenAbi, devUsdc } from '../src/dev-token.js';

export const chainId = 84_532;
export const farFuture = 4_000_000_000n;
export const price = 10_000n;

/** Enough for the largest thing done here: to deploy Permit2. */
const gasLimit = 5_000_000n;

export type ContractCall = {
  readonly to: Address;
  readonly abi: Abi | readonly unknown[];
  readonly functionName: string;
  readonly args: readonly unknown[];
};

export type DevClient = TestClient<'anvil'> & PublicActions & WalletActions;

export type DevChainFixture = Awaited<ReturnType<typeof startDevChain>>;

export function newAccount(): PrivateKeyAccount {
  return privateKeyToAccount(generatePrivateKey());
}

/** A chain with the dev contracts, some people with gas, and what specs ask of it. */
export async function startDevChain() {
  const anvil = await startAnvil({ chainId });
  const client: DevClient = createTestClient({
    mode: 'anvil',
    transport: http(anvil.rpcUrl),
    cacheTime: 0,
    pollingInterval: 5,
  })
    .extend(publicActions)
    .extend(walletActions);
  const [relayer, stranger] = anvil.accounts.map(({ privateKey }) => privateKeyToAccount(privateKey));
  if (relayer === undefined || stranger === undefined) throw new Error('anvil has no accounts');

  /** The name of the custom error or the text that the call reverts with; null where it would succeed. */
  async function reasonOf(call: ContractCall, from: Address = relayer!.address): Promise<string | null> {
    const { to, abi, functionName, args } = call;
    try {
      await client.simulateContract({
        address: to,
        abi: [...abi, ...devPermit2Abi] as Abi,
        functionName,
        args,
        account: from,
      });
      return null;
    } catch (fault) {
      if (!(fault instanceof BaseError)) throw fault;
      const revert = fault.walk((cause) => cause instanceof ContractFunctionRevertedError);
      if (!(revert instanceof ContractFunctionRevertedError)) throw fault;
      return revert.data?.errorName === 'Error'
        ? String(revert.reason)
        : (revert.data?.errorName ?? revert.reason ?? 'no reason');
    }
  }

  /** Sends the call, and throws where it reverts. */
  async function send(call: ContractCall, sender: PrivateKeyAccount = relayer!): Promise<TransactionReceipt> {
    const data = encodeFunctionData({
      abi: call.abi as Abi,
      functionName: call.functionName,
      args: call.args,
    });
    return sendData({ to: call.to, data }, sender);
  }

  async function sendData(
    call: Pick<Call, 'to' | 'data'>,
    sender: PrivateKeyAccount,
  ): Promise<TransactionReceipt> {
    const hash = await client.sendTransaction({ ...call, account: sender, chain: null, gas: gasLimit });
    const receipt = await client.waitForTransactionReceipt({ hash });
    if (receipt.status !== 'success') throw new Error(`${hash} reverted`);
    return receipt;
  }

  async function balanceOf(account: Address): Promise<bigint> {
    return client.readContract({
      address: devUsdc.address,
      abi: devTokenAbi,
      functionName: 'balanceOf',
      args: [account],
    });
  }

  async function allowanceOf(owner: Address, spender: Address = devPermit2.permit2): Promise<bigint> {
    return client.readContract({
      address: devUsdc.address,
      abi: devTokenAbi,
      functionName: 'allowance',
      args: [owner, spender],
    });
  }

  /** Somebody with money, and with gas where they have to send something. */
  async function newPayer({ approved = false } = {}): Promise<PrivateKeyAccount> {
    const account = newAccount();
    await mintDevToken(anvil.rpcUrl, { token: devUsdc.address, to: account.address, amount: 10n * price });
    await client.setBalance({ address: account.address, value: 10n ** 18n });
    if (approved) await send(approveOf(devPermit2.permit2), account);
    return account;
  }

  const stop = async (): Promise<void> => anvil.stop();
  return {
    anvil,
    client,
    relayer,
    stranger,
    reasonOf,
    send,
    sendData,
    balanceOf,
    allowanceOf,
    newPayer,
    stop,
  };
}

export function approveOf(spender: Address, amount: bigint = maxUint256): ContractCall {
  return { to: devUsdc.address, abi: devTokenAbi, functionName: 'approve', args: [spender, amount] };
}

export function splitSignature(signature: Hex): { r: Hex; s: Hex; v: number } {
  return {
    r: `0x${signature.slice(2, 66)}`,
    s: `0x${signature.slice(66, 130)}`,
    v: Number.parseInt(signature.slice(130), 16),
  };
}

export type Permit2612 = {
  readonly owner: Address;
  readonly value: bigint;
  readonly nonce: bigint;
  readonly deadline: bigint;
};

/** EIP-712 typed data of a permit of the dev USDC for Permit2. */
export function permitData({ owner, value, nonce, deadline }: Permit2612) {
  return {
    domain: {
      name: devUsdc.name,
      version: devUsdc.version,
      chainId,
      verifyingContract: devUsdc.address,
    },
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
    message: { owner, spender: devPermit2.permit2, value, nonce, deadline },
  } as const;
}
