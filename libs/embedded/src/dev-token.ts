import { type Address, parseAbi } from 'viem';

export type DevToken = {
  readonly address: Address;
  /** Name and version of the token's EIP-712 domain, which are also what `name()` and `version()` answer. */
  readonly name: string;
  readonly version: string;
  readonly symbol: string;
  readonly decimals: number;
};

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

/** EIP-3009 and EIP-2612 with both forms of a signature each: `(v, r, s)` and bytes. */
export const devTokenAbi = parseAbi([
  'function initialize(string name, string symbol, string version, uint8 decimals)',
  'function initialized() view returns (bool)',
  'function mint(address to, uint256 value)',
  'function blacklist(address account)',
  'function unBlacklist(address account)',
  'function balanceOf(address account) view returns (uint256)',
  'function approve(address spender, uint256 value) returns (bool)',
  'function allowance(address owner, address spender) view returns (uint256)',
  'function nonces(address owner) view returns (uint256)',
  'function authorizationState(address authorizer, bytes32 nonce) view returns (bool)',
  'function DOMAIN_SEPARATOR() view returns (bytes32)',
  'function permit(address owner, address spender, uint256 value, uint256 deadline, uint8 v, bytes32 r, bytes32 s)',
  'function permit(address owner, address spender, uint256 value, uint256 deadline, bytes signature)',
  'function transferWithAuthorization(address from, address to, uint256 value, uint256 validAfter, uint256 validBefore, bytes32 nonce, uint8 v, bytes32 r, bytes32 s)',
  'function transferWithAuthorization(address from, address to, uint256 value, uint256 validAfter, uint256 validBefore, bytes32 nonce, bytes signature)',
]);
