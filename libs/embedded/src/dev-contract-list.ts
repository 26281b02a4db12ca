import type { Address, Hex } from 'viem';

import {
  devTokenCode,
  devWalletFactoryCode,
  exactPermit2ProxyCode,
  multicall3Code,
  multicall3From,
  permit2From,
  simple7702AccountCode,
  simple7702AccountFrom,
  uptoPermit2ProxyCode,
} from './dev-contracts.js';
import { devPermit2, permit2CodeOn } from './dev-permit2.js';
import { devTestDollar, devUsdc } from './dev-token.js';
import { devWallets } from './dev-wallet.js';

/** A contract of the dev chain. */
export type DevContract = {
  readonly name: string;
  readonly address: Address;
  /** Whether its code is the published one; otherwise it is our own stand-in, written to behave alike. */
  readonly genuine: boolean;
  /** The package and version its code is from, or the source of the stand-in. */
  readonly from: string;
};

export type PlacedContract = DevContract & { codeOn(chainId: number): Hex };

export const multicall3Address: Address = '0xcA11bde05977b3631167028862bE2a173976CA11';

const source = (name: string): string => `infra/contracts/src/${name}.sol`;

/** With the code of each on a chain. */
export const placedContracts: readonly PlacedContract[] = [
  {
    name: 'Permit2',
    address: devPermit2.permit2,
    genuine: true,
    from: permit2From,
    codeOn: permit2CodeOn,
  },
  {
    name: 'x402ExactPermit2Proxy',
    address: devPermit2.exactProxy,
    genuine: false,
    from: source('ExactPermit2Proxy'),
    codeOn: () => exactPermit2ProxyCode,
  },
  {
    name: 'x402UptoPermit2Proxy',
    address: devPermit2.uptoProxy,
    genuine: false,
    from: source('UptoPermit2Proxy'),
    codeOn: () => uptoPermit2ProxyCode,
  },
  {
    name: 'Simple7702Account (delegate of EIP-7702 accounts)',
    address: devWallets.delegate,
    genuine: true,
    from: simple7702AccountFrom,
    codeOn: () => simple7702AccountCode,
  },
  {
    name: 'DevWalletFactory (ERC-1271 wallets)',
    address: devWallets.factory,
    genuine: false,
    from: `${source('DevWalletFactory')}, ${source('DevWallet')}`,
    codeOn: () => devWalletFactoryCode,
  },
  {
    name: 'Multicall3',
    address: multicall3Address,
    genuine: true,
    from: multicall3From,
    codeOn: () => multicall3Code,
  },
  ...[devUsdc, devTestDollar].map(({ symbol, address }) => ({
    name: symbol,
    address,
    genuine: false,
    from: source('DevToken'),
    codeOn: () => devTokenCode,
  })),
];

/** Every contract of the dev chain: what it is, where, and whether its code is the published one. */
export const devContracts: readonly DevContract[] = placedContracts.map(
  ({ name, address, genuine, from }) => ({ name, address, genuine, from }),
);
