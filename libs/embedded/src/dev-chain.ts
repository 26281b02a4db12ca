import { randomBytes } from 'node:crypto';

import {
  type Address,
  createTestClient,
  encodeFunctionData,
  getAddress,
  type Hex,
  http,
  multicall3Abi,
  parseEther,
  publicActions,
  toHex,
  TransactionReceiptNotFoundError,
  walletActions,
} from 'viem';

import { multicall3Address, type PlacedContract, placedContracts } from './dev-contract-list.js';
import { type DevToken, devTokenAbi, devTokens } from './dev-token.js';

export type DevChain = {
  readonly chainId: number;
  readonly multicall3: Address;
  readonly tokens: readonly DevToken[];
};

/** The chain is not one we may change, or did not do what it was told. */
export class DevChainError extends Error {
  override readonly name = 'DevChainError';
  readonly code = 'dev_chain_unusable';
}

const addressBytes = 20;
const senderFunds = parseEther('1000');
const requestTimeoutMs = 10_000;
const transactionGas = 500_000n;

/**
 * Places the contracts of {@link devContracts} at their addresses on an anvil chain, whatever its mining mode. Does
 * nothing on a chain that has them already.
 *
 * @throws DevChainError when the node at `rpcUrl` is not anvil.
 */
export async function deployDevChain(rpcUrl: string): Promise<DevChain> {
  const client = connect(rpcUrl);
  const version = await client.request<WhichClient>({ method: 'web3_clientVersion', params: undefined });
  if (!version.toLowerCase().startsWith('anvil')) {
    throw new DevChainError(
      `The dev contracts are placed on anvil only; ${rpcUrl} runs ${version.slice(0, 64)}.`,
    );
  }
  const chainId = await client.getChainId();
  await Promise.all(placedContracts.map(async (contract) => placeCode(client, contract, chainId)));
  await initializeTokens(client);
  return { chainId, multicall3: multicall3Address, tokens: devTokens };
}

/**
 * Mints dev tokens to an account. Where the chain does not mine by itself at once, a block is mined for it.
 *
 * @throws DevChainError when the mint reverts.
 */
export async function mintDevToken(
  rpcUrl: string,
  mint: { readonly token: Address; readonly to: Address; readonly amount: bigint },
): Promise<void> {
  const data = encodeFunctionData({ abi: devTokenAbi, functionName: 'mint', args: [mint.to, mint.amount] });
  await send(connect(rpcUrl), { to: mint.token, data });
}

function connect(rpcUrl: string) {
  return createTestClient({
    mode: 'anvil',
    transport: http(rpcUrl, { timeout: requestTimeoutMs, retryCount: 0 }),
    cacheTime: 0,
  })
    .extend(publicActions)
    .extend(walletActions);
}

type Client = ReturnType<typeof connect>;
type WhichClient = { Method: 'web3_clientVersion'; Parameters: undefined; ReturnType: string };

async function placeCode(client: Client, contract: PlacedContract, chainId: number): Promise<void> {
  const { address } = contract;
  const bytecode = contract.codeOn(chainId);
  if ((await client.getCode({ address })) !== bytecode) await client.setCode({ address, bytecode });
}

/** All in one transaction, so that it takes one block wherever blocks have to be made. */
async function initializeTokens(client: Client): Promise<void> {
  const initialized = await Promise.all(
    devTokens.map(async ({ address }) =>
      client.readContract({ address, abi: devTokenAbi, functionName: 'initialized' }),
    ),
  );
  const calls = devTokens
    .filter((_, index) => initialized[index] !== true)
    .map((token) => ({ target: token.address, allowFailure: false, callData: initializeData(token) }));
  if (calls.length === 0) return;
  const data = encodeFunctionData({ abi: multicall3Abi, functionName: 'aggregate3', args: [calls] });
  await send(client, { to: multicall3Address, data });
}

function initializeData({ name, symbol, version, decimals }: DevToken): Hex {
  const args = [name, symbol, version, decimals] as const;
  return encodeFunctionData({ abi: devTokenAbi, functionName: 'initialize', args });
}

async function send(client: Client, call: { readonly to: Address; readonly data: Hex }): Promise<void> {
  // An account of its own for each call: calls at the same time would fight over one account's nonce, and everybody
  // else's nonces and balances stay as they are.
  const account = getAddress(toHex(randomBytes(addressBytes)));
  await client.setBalance({ address: account, value: senderFunds });
  await client.impersonateAccount({ address: account });
  const hash = await client.sendTransaction({ ...call, account, chain: null, gas: transactionGas });
  if ((await minedStatus(client, hash)) === 'success') return;
  throw new DevChainError(`The transaction ${hash} to ${call.to} did not succeed.`);
}

async function minedStatus(client: Client, hash: Hex): Promise<string | undefined> {
  const status = await receiptStatus(client, hash);
  if (status !== undefined) return status;
  // Interval mining, or none.
  await client.mine({ blocks: 1 });
  return receiptStatus(client, hash);
}

async function receiptStatus(client: Client, hash: Hex): Promise<string | undefined> {
  try {
    return (await client.getTransactionReceipt({ hash })).status;
  } catch (fault) {
    if (fault instanceof TransactionReceiptNotFoundError) return undefined;
    throw fault;
  }
}
