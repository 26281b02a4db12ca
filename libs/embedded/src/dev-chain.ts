import { randomBytes } from 'node:crypto';

import {
  type Address,
  createTestClient,
  encodeFunctionData,
  getAddress,
  type Hex,
  http,
  parseAbi,
  parseEther,
  publicActions,
  toHex,
  TransactionReceiptNotFoundError,
  walletActions,
} from 'viem';

import { devTokenCode, multicall3Code } from './dev-contracts.js';

export type DevToken = {
  readonly address: Address;
  /** Name and version of the token's EIP-712 domain, which are also what `name()` and `version()` answer. */
  readonly name: string;
  readonly version: string;
  readonly symbol: string;
  readonly decimals: number;
};

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

export const multicall3Address: Address = '0xcA11bde05977b3631167028862bE2a173976CA11';

/** At Base Sepolia's own address, so that x402 clients pay with it by default. */
export const devUsdc: DevToken = {
  address: '0x036CbD53842c5426634e7929541eC2318f3dCF7e',
  name: 'USDC',
  version: '2',
  symbol: 'USDC',
  decimals: 6,
};

export const devTestDollar: DevToken = {
  address: '0x5000000000000000000000000000000000000018',
  name: 'Quittance Test Dollar',
  version: '1',
  symbol: 'QTD',
  decimals: 18,
};

export const devTokens: readonly DevToken[] = [devUsdc, devTestDollar];

export const devTokenAbi = parseAbi([
  'function initialize(string name, string symbol, string version, uint8 decimals)',
  'function initialized() view returns (bool)',
  'function mint(address to, uint256 value)',
  'function blacklist(address account)',
  'function unBlacklist(address account)',
  'function balanceOf(address account) view returns (uint256)',
]);

const addressBytes = 20;
const senderFunds = parseEther('1000');
const requestTimeoutMs = 10_000;
const transactionGas = 500_000n;

/**
 * Places the dev tokens and Multicall3 at their addresses on an anvil chain, whatever its mining mode. Does nothing
 * on a chain that has them already.
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
  await placeCode(client, multicall3Address, multicall3Code);
  for (const token of devTokens) await placeToken(client, token);
  return { chainId: await client.getChainId(), multicall3: multicall3Address, tokens: devTokens };
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

async function placeCode(client: Client, address: Address, code: Hex): Promise<void> {
  if ((await client.getCode({ address })) !== code) await client.setCode({ address, bytecode: code });
}

async function placeToken(client: Client, token: DevToken): Promise<void> {
  await placeCode(client, token.address, devTokenCode);
  const contract = { address: token.address, abi: devTokenAbi } as const;
  if (await client.readContract({ ...contract, functionName: 'initialized' })) return;
  const args = [token.name, token.symbol, token.version, token.decimals] as const;
  const data = encodeFunctionData({ abi: devTokenAbi, functionName: 'initialize', args });
  await send(client, { to: token.address, data });
}

async function send(client: Client, call: { readonly to: Address; readonly data: Hex }): Promise<void> {
  // An account of its own for each call: calls at the same time would fight over one account's nonce, and everybody
  // else's nonces and balances stay as they are.
  const account = getAddress(toHex(randomBytes(addressBytes)));
  await client.setBalance({ address: account, value: senderFunds });
  await client.impersonateAccount({ address: account });
  const hash = await client.sendTransaction({ ...call, account, chain: null, gas: transactionGas });
  if ((await minedStatus(client, hash)) === 'success') return;
  throw new DevChainError(`The transaction ${hash} to the dev token ${call.to} did not succeed.`);
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
