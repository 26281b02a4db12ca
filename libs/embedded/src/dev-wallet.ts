import {
  type Address,
  concat,
  encodeAbiParameters,
  encodeFunctionData,
  getCreate2Address,
  type Hex,
  type LocalAccount,
  pad,
  parseAbi,
  serializeErc6492Signature,
  toHex,
} from 'viem';

import { devWalletCreationCode, simple7702AccountAddress } from './dev-contracts.js';

/** Where wallets come from: the factory of ERC-1271 wallets, and the delegate for EIP-7702 accounts. */
export const devWallets = {
  factory: '0x5000000000000000000000000000000000001271',
  delegate: simple7702AccountAddress,
} as const satisfies Record<string, Address>;

export const devWalletFactoryAbi = parseAbi([
  'function createWallet(address owner, uint256 salt) returns (address wallet)',
  'function walletAddress(address owner, uint256 salt) view returns (address)',
  'event WalletCreated(address indexed wallet, address indexed owner)',
]);

export const devWalletAbi = parseAbi([
  'function owner() view returns (address)',
  'function changeOwner(address newOwner)',
  'function execute(address to, uint256 value, bytes data)',
  'function replaySafeHash(bytes32 hash) view returns (bytes32)',
  'function isValidSignature(bytes32 hash, bytes signature) view returns (bytes4)',
  'error NotOwner()',
]);

/** A wallet of the dev factory, deployed or not. */
export type DevWallet = {
  readonly address: Address;
  readonly factory: Address;
  /** The call to the factory that deploys it; harmless where it is deployed already. */
  readonly factoryData: Hex;
};

export type DevWalletSigning = {
  readonly owner: LocalAccount;
  readonly wallet: Address;
  readonly chainId: number;
  /** What the wallet is asked about: the digest of an EIP-3009 or Permit2 authorization. */
  readonly digest: Hex;
};

const messageTypes = { DevWalletMessage: [{ name: 'hash', type: 'bytes32' }] } as const;
const wrapperTypes = [{ type: 'uint256' }, { type: 'bytes' }] as const;

/** The wallet that the dev factory makes for an owner and a salt, whether it is deployed or not. */
export function devWalletOf(owner: Address, salt = 0n): DevWallet {
  const address = getCreate2Address({
    from: devWallets.factory,
    salt: pad(toHex(salt)),
    bytecode: concat([devWalletCreationCode, pad(owner)]),
  });
  const factoryData = encodeFunctionData({
    abi: devWalletFactoryAbi,
    functionName: 'createWallet',
    args: [owner, salt],
  });
  return { address, factory: devWallets.factory, factoryData };
}

/** Signs a digest as the wallet's owner: 65 bytes that the wallet accepts, and that prove nothing by ECDSA alone. */
export async function signForDevWallet({ owner, wallet, chainId, digest }: DevWalletSigning): Promise<Hex> {
  return owner.signTypedData({
    domain: { name: 'DevWallet', version: '1', chainId, verifyingContract: wallet },
    types: messageTypes,
    primaryType: 'DevWalletMessage',
    message: { hash: digest },
  });
}

/** The wallet's other form of the same signature, which is longer than 65 bytes as those of most smart wallets are. */
export function wrapForDevWallet(signature: Hex): Hex {
  return encodeAbiParameters(wrapperTypes, [0n, signature]);
}

/** Wraps a signature by ERC-6492, so that it brings the deployment of its wallet along. */
export function wrapCounterfactual(wallet: DevWallet, signature: Hex): Hex {
  return serializeErc6492Signature({ address: wallet.factory, data: wallet.factoryData, signature });
}
