import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type Address, concat, type Hex, hashDomain } from 'viem';

import { devContracts } from '../src/dev-contract-list.js';
import { devPermit2, devPermit2Abi } from '../src/dev-permit2.js';
import { devWallets } from '../src/dev-wallet.js';
import { chainId, type DevChainFixture, startDevChain } from './dev-chain.fixture.js';

const create2Deployer: Address = '0x4e59b44847b379578588920cA78FbF26c0B4956C';
const genuine = (await import(
  new URL('../../../infra/contracts/genuine.mjs', import.meta.url).href
)) as Record<'permit2' | 'simple7702Account', () => { readonly creationCode: Hex; readonly salt: Hex }>;

let chain: DevChainFixture;

beforeAll(async () => {
  chain = await startDevChain();
});
afterAll(async () => chain.stop());

describe('The genuine contracts', () => {
  it.each([
    ['Permit2', devPermit2.permit2, genuine.permit2],
    ['Simple7702Account', devWallets.delegate, genuine.simple7702Account],
  ])('have the code that %s has where it was deployed by CREATE2', async (_, address, from) => {
    const placed = await chain.client.getCode({ address });
    await chain.client.setCode({ address, bytecode: '0x' });
    const { creationCode, salt } = from();
    await chain.sendData({ to: create2Deployer, data: concat([salt, creationCode]) }, chain.relayer);
    expect(await chain.client.getCode({ address })).toBe(placed);
  });

  it("know their chain: Permit2's domain separator is that of the chain, also after it changed its id", async () => {
    const { permit2 } = devPermit2;
    const separator = async () =>
      chain.client.readContract({ address: permit2, abi: devPermit2Abi, functionName: 'DOMAIN_SEPARATOR' });
    expect(await separator()).toBe(permit2Domain(chainId));
    await chain.client.request({ method: 'anvil_setChainId', params: [10] } as never);
    expect(await separator()).toBe(permit2Domain(10));
  });
});

it('The list of contracts tells what each is, and has each once', async () => {
  for (const { address } of devContracts) expect(await chain.client.getCode({ address })).toBeDefined();
  expect(new Set(devContracts.map(({ address }) => address.toLowerCase())).size).toBe(devContracts.length);
  const asJson = JSON.parse(JSON.stringify(devContracts)) as unknown;
  expect(asJson).toEqual(devContracts);
  expect(
    devContracts.filter((contract) => contract.genuine).map(({ name, from }) => `${name}: ${from}`),
  ).toEqual([
    expect.stringMatching(/^Permit2: @uniswap\/uniswapx-sdk \d/),
    expect.stringMatching(/^Simple7702Account .*: @account-abstraction\/contracts \d/),
    expect.stringMatching(/^Multicall3: viem \d/),
  ]);
});

function permit2Domain(id: number): Hex {
  return hashDomain({
    domain: { name: 'Permit2', chainId: BigInt(id), verifyingContract: devPermit2.permit2 },
    types: {
      EIP712Domain: [
        { name: 'name', type: 'string' },
        { name: 'chainId', type: 'uint256' },
        { name: 'verifyingContract', type: 'address' },
      ],
    },
  });
}
