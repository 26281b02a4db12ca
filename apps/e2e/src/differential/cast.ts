import { createHash } from 'node:crypto';

import {
  devPermit2,
  devPermit2Abi,
  devTokenAbi,
  devTokens,
  devUsdc,
  devWalletOf,
  devWallets,
  multicall3Address,
} from '@quittance/embedded';
import type { Anvil } from '@quittance/testing';
import {
  type Address,
  createTestClient,
  encodeAbiParameters,
  encodeFunctionData,
  type Hex,
  http,
  keccak256,
  maxUint256,
  multicall3Abi,
  parseAbiParameters,
  parseEther,
  publicActions,
  toHex,
  walletActions,
} from 'viem';
import { privateKeyToAccount, privateKeyToAddress } from 'viem/accounts';

import type { Cast, SignerKind, TestPayer, Troupe } from './draft.js';

const signerKinds: readonly SignerKind[] = ['account', 'delegating', 'wallet', 'unmade'];
const payerCount = { account: 12, delegating: 4, wallet: 4, unmade: 4 };
const newcomerCount = 3;
const usedNonceCount = 4;
const pocketMoney = 1_000_000_000n;
const pittance = 5n;
const callsAtOnce = 100;
const crowdGas = 25_000_000n;

/** Where the contracts keep what they are asked for: the slots of their mappings. */
const slots = { tokenAllowance: 6n, tokenAuthorization: 7n, permit2Nonce: 0n };

/** The same accounts in each run, so that a seed makes the same payments. */
export function keyOf(name: string): Hex {
  return `0x${createHash('sha256').update(`quittance differential ${name}`).digest('hex')}`;
}

const connect = (rpcUrl: string) =>
  createTestClient({ mode: 'anvil', transport: http(rpcUrl), cacheTime: 0, pollingInterval: 10 })
    .extend(publicActions)
    .extend(walletActions);
type Client = ReturnType<typeof connect>;

/** Brings everybody into being, with what each has spent and allowed. */
export async function castOf(chain: Anvil): Promise<Cast> {
  const client = connect(chain.rpcUrl);
  const troupes = Object.fromEntries(signerKinds.map((kind) => [kind, troupeOf(kind)])) as Cast['troupes'];
  const [contract, misled] = [payerOf('account', 'contract'), payerOf('delegating', 'misled')];
  const usedNonces = Array.from({ length: usedNonceCount }, (_, index) => keyOf(`nonce ${index}`));
  const everybody = Object.values(troupes);
  await client.setBalance({ address: helper.address, value: parseEther('100') });
  await callAll(client, [
    ...everybody.flatMap((troupe) =>
      membersOf(troupe).flatMap((one) => mintsOf(one, one === troupe.pauper ? pittance : pocketMoney)),
    ),
    ...[contract, misled].flatMap((one) => mintsOf(one, pocketMoney)),
    ...everybody.map(({ outcast }) => blacklistingOf(outcast)),
    ...membersOf(troupes.wallet).flatMap(({ wallet }) =>
      wallet === null ? [] : [{ target: wallet.factory, callData: wallet.factoryData }],
    ),
  ]);
  await delegate(client, {
    delegating: membersOf(troupes.delegating),
    misled,
    troupes,
    chainId: chain.chainId,
  });
  await client.setCode({ address: contract.address as Address, bytecode: '0x6001600055' });
  for (const { payers, pauper, outcast, frugal } of everybody) {
    for (const one of [...payers, pauper, outcast]) await allow(client, one, maxUint256);
    await allow(client, frugal, pittance);
  }
  for (const one of [contract, misled]) await allow(client, one, maxUint256);
  for (const { payers, newcomers } of everybody) {
    for (const one of [payers[0], newcomers[0]]) {
      if (one !== undefined) for (const nonce of usedNonces) await spend(client, one, nonce as Hex);
    }
  }
  await client.mine({ blocks: 1 });
  await check(client, troupes, usedNonces as Hex[]);
  const now = Math.floor(Date.now() / 1000);
  const relayer = privateKeyToAddress(keyOf('relayer'));
  return { chainId: chain.chainId, now, troupes, contract, misled, usedNonces, relayer };
}

const helper = privateKeyToAccount(keyOf('helper'));

function payerOf(kind: SignerKind, name: string): TestPayer {
  const key = keyOf(kind === 'account' ? name : `${kind} ${name}`);
  const account = privateKeyToAddress(key);
  const wallet = kind === 'wallet' || kind === 'unmade' ? devWalletOf(account) : null;
  return { kind, address: wallet?.address ?? account, key: Buffer.from(key.slice(2), 'hex'), wallet };
}

function troupeOf(kind: SignerKind): Troupe {
  const many = (count: number, name: string) =>
    Array.from({ length: count }, (_, index) => payerOf(kind, `${name} ${index}`));
  return {
    payers: many(payerCount[kind], 'payer'),
    newcomers: many(newcomerCount, 'newcomer'),
    frugal: payerOf(kind, 'frugal'),
    pauper: payerOf(kind, 'pauper'),
    outcast: payerOf(kind, 'outcast'),
  };
}

function membersOf({ payers, newcomers, frugal, pauper, outcast }: Troupe): TestPayer[] {
  return [...payers, ...newcomers, frugal, pauper, outcast];
}

type BulkCall = { readonly target: Address; readonly callData: Hex };

function mintsOf({ address }: TestPayer, amount: bigint): BulkCall[] {
  const args = [address as Address, amount] as const;
  const callData = encodeFunctionData({ abi: devTokenAbi, functionName: 'mint', args });
  return devTokens.map(({ address: target }) => ({ target, callData }));
}

function blacklistingOf({ address }: TestPayer): BulkCall {
  const args = [address as Address] as const;
  return {
    target: devUsdc.address,
    callData: encodeFunctionData({ abi: devTokenAbi, functionName: 'blacklist', args }),
  };
}

async function callAll(client: Client, calls: readonly BulkCall[]): Promise<void> {
  for (let at = 0; at < calls.length; at += callsAtOnce) {
    const some = calls.slice(at, at + callsAtOnce).map((call) => ({ ...call, allowFailure: false }));
    const data = encodeFunctionData({ abi: multicall3Abi, functionName: 'aggregate3', args: [some] });
    await send(client, { to: multicall3Address, data });
  }
}

type Delegating = {
  readonly delegating: readonly TestPayer[];
  readonly misled: TestPayer;
  readonly troupes: Cast['troupes'];
  readonly chainId: number;
};

/** One transaction with the authorizations of all who delegate (EIP-7702). */
async function delegate(client: Client, { delegating, misled, troupes, chainId }: Delegating): Promise<void> {
  const stranger = troupes.wallet.frugal.address as Address;
  const authorizationList = await Promise.all(
    [...delegating, misled].map(async (one) =>
      privateKeyToAccount(`0x${one.key.toString('hex')}`).signAuthorization({
        contractAddress: one === misled ? stranger : devWallets.delegate,
        chainId,
        nonce: 0,
      }),
    ),
  );
  await send(client, { to: helper.address, data: '0x', authorizationList });
}

type Sending = {
  readonly to: Address;
  readonly data: Hex;
  readonly authorizationList?: Awaited<ReturnType<typeof helper.signAuthorization>>[];
};

async function send(client: Client, call: Sending): Promise<void> {
  const hash = await client.sendTransaction({ ...call, gas: crowdGas, account: helper, chain: null });
  const { status } = await client.waitForTransactionReceipt({ hash });
  if (status !== 'success') throw new Error(`the transaction ${hash} to ${call.to} did not succeed`);
}

/** Written where the token keeps it: a wallet that does not exist yet sends no transactions. */
async function allow(client: Client, { address }: TestPayer, amount: bigint): Promise<void> {
  const index = mappingSlot(devPermit2.permit2, mappingSlot(address as Address, toHex(slots.tokenAllowance)));
  for (const token of devTokens) {
    await client.setStorageAt({ address: token.address, index, value: toHex(amount, { size: 32 }) });
  }
}

/** The same of nonces, as somebody who landed payments beside both facilitators would have left them. */
async function spend(client: Client, { address }: TestPayer, nonce: Hex): Promise<void> {
  const owner = address as Address;
  const inToken = mappingSlot(nonce, mappingSlot(owner, toHex(slots.tokenAuthorization)));
  await client.setStorageAt({ address: devUsdc.address, index: inToken, value: toHex(1n, { size: 32 }) });
  const number = BigInt(nonce);
  const inPermit2 = mappingSlot(toHex(number >> 8n), mappingSlot(owner, toHex(slots.permit2Nonce)));
  const value = toHex(1n << (number & 255n), { size: 32 });
  await client.setStorageAt({ address: devPermit2.permit2, index: inPermit2, value });
}

function mappingSlot(key: Hex, slot: Hex): Hex {
  const words = [BigInt(key), BigInt(slot)] as const;
  return keccak256(encodeAbiParameters(parseAbiParameters('uint256, uint256'), words));
}

/** What was written is what the contracts say. */
async function check(client: Client, troupes: Cast['troupes'], usedNonces: readonly Hex[]): Promise<void> {
  const token = { address: devUsdc.address, abi: devTokenAbi } as const;
  for (const { payers, frugal } of Object.values(troupes)) {
    const [first] = payers;
    const [nonce] = usedNonces;
    if (first === undefined || nonce === undefined) throw new TypeError('nobody there');
    const owner = first.address as Address;
    const allowance = async (of: string) =>
      client.readContract({ ...token, functionName: 'allowance', args: [of as Address, devPermit2.permit2] });
    const isUsed = await client.readContract({
      ...token,
      functionName: 'authorizationState',
      args: [owner, nonce],
    });
    const word = BigInt(nonce) >> 8n;
    const mask = await client.readContract({
      address: devPermit2.permit2,
      abi: devPermit2Abi,
      functionName: 'nonceBitmap',
      args: [owner, word],
    });
    const isWritten = isUsed && mask !== 0n && (await allowance(frugal.address)) === pittance;
    if (!isWritten || (await allowance(owner)) !== maxUint256)
      throw new Error('the contracts of the dev chain keep their state elsewhere than was thought');
  }
}
