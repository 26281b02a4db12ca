import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import {
  type Address,
  encodeFunctionData,
  type Hex,
  hashTypedData,
  keccak256,
  parseEther,
  toHex,
} from 'viem';
import { generatePrivateKey, type PrivateKeyAccount } from 'viem/accounts';

import { mintDevToken } from '../src/dev-chain.js';
import { devPermit2 } from '../src/dev-permit2.js';
import { devTokenAbi, devUsdc } from '../src/dev-token.js';
import {
  type DevWallet,
  devWalletAbi,
  devWalletFactoryAbi,
  devWalletOf,
  devWallets,
  signForDevWallet,
  wrapCounterfactual,
  wrapForDevWallet,
} from '../src/dev-wallet.js';
import {
  approveOf,
  chainId,
  type ContractCall,
  type DevChainFixture,
  farFuture,
  newAccount,
  price,
  startDevChain,
} from './dev-chain.fixture.js';
import { exactCall, exactTerms, witnessData } from './permit2.fixture.js';

const accepted = '0x1626ba7e';
const refused = '0xffffffff';
const digest = keccak256(toHex('a payment'));

let chain: DevChainFixture;

beforeAll(async () => {
  chain = await startDevChain();
});
afterAll(async () => chain.stop());

async function deployed(owner: PrivateKeyAccount): Promise<DevWallet> {
  const wallet = devWalletOf(owner.address);
  await chain.sendData({ to: wallet.factory, data: wallet.factoryData }, chain.stranger);
  return wallet;
}

async function askWallet(address: Address, signature: Hex, hash = digest): Promise<Hex> {
  const args = [hash, signature] as const;
  return chain.client.readContract({ address, abi: devWalletAbi, functionName: 'isValidSignature', args });
}

describe('The wallet factory', () => {
  it('deploys a wallet where it was computed to be, by whomever and how often', async () => {
    const owner = newAccount();
    const first = devWalletOf(owner.address);
    const second = devWalletOf(owner.address, 2n);
    expect(second.address).not.toBe(first.address);
    const factory = { address: devWallets.factory, abi: devWalletFactoryAbi } as const;
    for (const [salt, wallet] of [[0n, first] as const, [2n, second] as const]) {
      const args = [owner.address, salt] as const;
      expect(await chain.client.readContract({ ...factory, functionName: 'walletAddress', args })).toBe(
        wallet.address,
      );
      expect(await chain.client.getCode({ address: wallet.address })).toBeUndefined();
      await chain.sendData({ to: wallet.factory, data: wallet.factoryData }, chain.stranger);
      await chain.sendData({ to: wallet.factory, data: wallet.factoryData }, chain.relayer);
      const contract = { address: wallet.address, abi: devWalletAbi } as const;
      expect(await chain.client.readContract({ ...contract, functionName: 'owner' })).toBe(owner.address);
    }
  });
});

describe('A deployed wallet', () => {
  it("takes its owner's signature in both forms", async () => {
    const owner = newAccount();
    const { address: wallet } = await deployed(owner);
    const signature = await signForDevWallet({ owner, wallet, chainId, digest });
    expect(await askWallet(wallet, signature)).toBe(accepted);
    expect(await askWallet(wallet, wrapForDevWallet(signature))).toBe(accepted);
    expect(await askWallet(wallet, signature, keccak256(digest))).toBe(refused);
  });

  it('refuses what others sign, and what the owner signed for something else', async () => {
    const owner = newAccount();
    const { address: wallet } = await deployed(owner);
    const other = devWalletOf(owner.address, 1n).address;
    const signatures = [
      await signForDevWallet({ owner: newAccount(), wallet, chainId, digest }),
      await signForDevWallet({ owner, wallet: other, chainId, digest }),
      await signForDevWallet({ owner, wallet, chainId: 1, digest }),
      await owner.sign({ hash: digest }),
      `0x${'00'.repeat(65)}` as const,
    ];
    for (const signature of signatures) {
      expect(await askWallet(wallet, signature)).toBe(refused);
      expect(await askWallet(wallet, wrapForDevWallet(signature))).toBe(refused);
    }
    await expect(askWallet(wallet, '0x1234')).rejects.toThrow('reverted');
  });

  it('refuses the owner before, and obeys the new one only', async () => {
    const owner = newAccount();
    const heir = newAccount();
    const { address: wallet } = await deployed(owner);
    for (const { address } of [owner, heir])
      await chain.client.setBalance({ address, value: parseEther('1') });
    const signature = await signForDevWallet({ owner, wallet, chainId, digest });
    const handOver = { to: wallet, abi: devWalletAbi, functionName: 'changeOwner', args: [heir.address] };
    expect(await chain.reasonOf(handOver, heir.address)).toBe('NotOwner');
    await chain.send(handOver, owner);
    expect(await askWallet(wallet, signature)).toBe(refused);
    const args = [devUsdc.address, 0n, '0x'];
    const execution = { to: wallet, abi: devWalletAbi, functionName: 'execute', args };
    expect(await chain.reasonOf(execution, owner.address)).toBe('NotOwner');
  });

  it('pays by EIP-3009, in both forms of its signature', async () => {
    const owner = newAccount();
    const { address: wallet } = await deployed(owner);
    await fund(wallet);
    const payments = [await transferFrom(wallet, owner), await transferFrom(wallet, owner, wrapForDevWallet)];
    for (const { call, to } of payments) {
      await chain.send(call, chain.stranger);
      expect(await chain.balanceOf(to)).toBe(price);
      expect(await chain.reasonOf(call)).toBe('FiatTokenV2: authorization is used or canceled');
    }
    const forged = await transferFrom(wallet, newAccount());
    expect(await chain.reasonOf(forged.call)).toBe('FiatTokenV2: invalid signature');
    const junk = await transferFrom(wallet, owner, () => '0x1234');
    expect(await chain.reasonOf(junk.call)).toBe('FiatTokenV2: invalid signature');
  });

  it('pays by Permit2 once it has approved it', async () => {
    const owner = newAccount();
    const { address: wallet } = await deployed(owner);
    await fund(wallet);
    await chain.client.setBalance({ address: owner.address, value: parseEther('1') });
    const { to, abi, functionName, args } = approveOf(devPermit2.permit2);
    const data = encodeFunctionData({ abi: abi as typeof devTokenAbi, functionName, args } as never);
    await chain.send({ to: wallet, abi: devWalletAbi, functionName: 'execute', args: [to, 0n, data] }, owner);
    const terms = exactTerms(wallet);
    const signing = { wallet, chainId, digest: hashTypedData(witnessData(terms)) };
    const forged = await signForDevWallet({ ...signing, owner: newAccount() });
    expect(await chain.reasonOf(exactCall({ ...terms, signature: forged }))).toBe('InvalidContractSignature');
    const signature = wrapForDevWallet(await signForDevWallet({ ...signing, owner }));
    await chain.send(exactCall({ ...terms, signature }));
    expect(await chain.balanceOf(terms.to)).toBe(price);
  });
});

describe('A wallet that is not deployed', () => {
  it('has a signature by ERC-6492 that brings its deployment along', async () => {
    const owner = newAccount();
    const wallet = devWalletOf(owner.address);
    const signature = await signForDevWallet({ owner, wallet: wallet.address, chainId, digest });
    const forged = await signForDevWallet({ owner: newAccount(), wallet: wallet.address, chainId, digest });
    const verify = async (inner: Hex) =>
      chain.client.verifyHash({
        address: wallet.address,
        hash: digest,
        signature: wrapCounterfactual(wallet, inner),
      });
    expect(await verify(signature)).toBe(true);
    expect(await verify(forged)).toBe(false);
  });
});

describe('An account that delegates by EIP-7702', () => {
  async function delegatingTo(contractAddress: Address): Promise<PrivateKeyAccount> {
    const account = newAccount();
    await fund(account.address);
    const authorization = await account.signAuthorization({ contractAddress, chainId, nonce: 0 });
    const hash = await chain.client.sendTransaction({
      account: chain.relayer,
      chain: null,
      to: account.address,
      gas: 200_000n,
      authorizationList: [authorization],
    });
    await chain.client.waitForTransactionReceipt({ hash });
    const code = await chain.client.getCode({ address: account.address });
    expect(code).toBe(`0xef0100${contractAddress.slice(2).toLowerCase()}`);
    return account;
  }

  const plainly = async (account: PrivateKeyAccount, hash: Hex): Promise<Hex> => account.sign({ hash });

  it('pays by its own key where its delegate asks for that', async () => {
    const account = await delegatingTo(devWallets.delegate);
    const { call, to } = await transferOf(account.address, async (hash) => plainly(account, hash));
    await chain.send(call, chain.stranger);
    expect(await chain.balanceOf(to)).toBe(price);
    const stranger = newAccount();
    const forged = await transferOf(account.address, async (hash) => plainly(stranger, hash));
    expect(await chain.reasonOf(forged.call)).toBe('FiatTokenV2: invalid signature');
  });

  it('cannot pay by its own key where its delegate does not know that key', async () => {
    const { address } = await deployed(newAccount());
    const account = await delegatingTo(address);
    const { call } = await transferOf(account.address, async (hash) => plainly(account, hash));
    expect(await chain.reasonOf(call)).toBe('FiatTokenV2: invalid signature');
  });
});

async function fund(to: Address): Promise<void> {
  await mintDevToken(chain.anvil.rpcUrl, { token: devUsdc.address, to, amount: 10n * price });
}

async function transferFrom(
  wallet: Address,
  owner: PrivateKeyAccount,
  inForm: (signature: Hex) => Hex = (signature) => signature,
) {
  return transferOf(wallet, async (hash) =>
    inForm(await signForDevWallet({ owner, wallet, chainId, digest: hash })),
  );
}

/** A transfer by authorization, signed by whatever makes a signature of its digest. */
async function transferOf(from: Address, signHash: (hash: Hex) => Promise<Hex>) {
  const message = {
    from,
    to: newAccount().address,
    value: price,
    validAfter: 0n,
    validBefore: farFuture,
    nonce: generatePrivateKey(),
  };
  const signature = await signHash(
    hashTypedData({
      domain: { name: devUsdc.name, version: devUsdc.version, chainId, verifyingContract: devUsdc.address },
      types: {
        TransferWithAuthorization: [
          { name: 'from', type: 'address' },
          { name: 'to', type: 'address' },
          { name: 'value', type: 'uint256' },
          { name: 'validAfter', type: 'uint256' },
          { name: 'validBefore', type: 'uint256' },
          { name: 'nonce', type: 'bytes32' },
        ],
      },
      primaryType: 'TransferWithAuthorization',
      message,
    }),
  );
  const args = [...Object.values(message), signature];
  const call: ContractCall = {
    to: devUsdc.address,
    abi: devTokenAbi,
    functionName: 'transferWithAuthorization',
    args,
  };
  return { call, to: message.to };
}
