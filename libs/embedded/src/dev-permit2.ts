import { type Address, concat, hashDomain, type Hex, pad, parseAbi, toHex } from 'viem';

import { permit2Address, permit2CodeParts } from './dev-contracts.js';

/** Permit2 and the two x402 proxies, at the addresses they have on every chain. */
export const devPermit2 = {
  permit2: permit2Address,
  exactProxy: '0x402085c248EeA27D92E8b30b2C58ed07f9E20001',
  uptoProxy: '0x4020A4f3b7b90ccA423B9fabCc0CE57C6C240002',
} as const satisfies Record<string, Address>;

/** What a payment by signature needs of Permit2, with the reasons it reverts for. */
export const devPermit2Abi = parseAbi([
  'struct TokenPermissions { address token; uint256 amount; }',
  'struct PermitTransferFrom { TokenPermissions permitted; uint256 nonce; uint256 deadline; }',
  'struct SignatureTransferDetails { address to; uint256 requestedAmount; }',
  'function DOMAIN_SEPARATOR() view returns (bytes32)',
  'function nonceBitmap(address owner, uint256 word) view returns (uint256)',
  'function invalidateUnorderedNonces(uint256 wordPos, uint256 mask)',
  'function permitTransferFrom(PermitTransferFrom permit, SignatureTransferDetails transferDetails, address owner, bytes signature)',
  'function permitWitnessTransferFrom(PermitTransferFrom permit, SignatureTransferDetails transferDetails, address owner, bytes32 witness, string witnessTypeString, bytes signature)',
  'event UnorderedNonceInvalidation(address indexed owner, uint256 word, uint256 mask)',
  'error InvalidNonce()',
  'error SignatureExpired(uint256 signatureDeadline)',
  'error InvalidAmount(uint256 maxAmount)',
  'error InvalidSigner()',
  'error InvalidSignature()',
  'error InvalidSignatureLength()',
  'error InvalidContractSignature()',
]);

const proxyDeclarations = [
  'struct TokenPermissions { address token; uint256 amount; }',
  'struct PermitTransferFrom { TokenPermissions permitted; uint256 nonce; uint256 deadline; }',
  'struct EIP2612Permit { uint256 value; uint256 deadline; bytes32 r; bytes32 s; uint8 v; }',
  'function PERMIT2() view returns (address)',
  'function WITNESS_TYPEHASH() view returns (bytes32)',
  'function WITNESS_TYPE_STRING() view returns (string)',
  'event Settled()',
  'event SettledWithPermit()',
  'error InvalidOwner()',
  'error InvalidDestination()',
  'error PaymentTooEarly()',
  'error Permit2612AmountMismatch()',
  'error ReentrancyGuardReentrantCall()',
] as const;

export const devExactProxyAbi = parseAbi([
  ...proxyDeclarations,
  'struct Witness { address to; uint256 validAfter; }',
  'function settle(PermitTransferFrom permit, address owner, Witness witness, bytes signature)',
  'function settleWithPermit(EIP2612Permit permit2612, PermitTransferFrom permit, address owner, Witness witness, bytes signature)',
  'error InvalidAmount()',
]);

export const devUptoProxyAbi = parseAbi([
  ...proxyDeclarations,
  'struct Witness { address to; address facilitator; uint256 validAfter; }',
  'function settle(PermitTransferFrom permit, uint256 amount, address owner, Witness witness, bytes signature)',
  'function settleWithPermit(EIP2612Permit permit2612, PermitTransferFrom permit, uint256 amount, address owner, Witness witness, bytes signature)',
  'error AmountExceedsPermitted()',
  'error UnauthorizedFacilitator()',
]);

const domainFields = [
  { name: 'name', type: 'string' },
  { name: 'chainId', type: 'uint256' },
  { name: 'verifyingContract', type: 'address' },
] as const;

/** The code that Permit2's constructor leaves on a chain: it writes the chain id and its own domain into it. */
export function permit2CodeOn(chainId: number): Hex {
  const domain = { name: 'Permit2', chainId: BigInt(chainId), verifyingContract: permit2Address };
  const separator = hashDomain({ domain, types: { EIP712Domain: domainFields } });
  const [first, second, third] = permit2CodeParts;
  return concat([first, pad(toHex(chainId)), second, separator, third]);
}
