import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { createRequire } from 'node:module';
import { type AddressInfo } from 'node:net';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { type Address, createPublicClient, hashDomain, http, multicall3Abi, parseAbi } from 'viem';

import { deployDevChain, DevChainError, mintDevToken } from './dev-chain.js';
import { devTokenCode } from './dev-contracts.js';
import { devTestDollar, devUsdc } from './dev-token.js';
import { freePort } from './free-port.js';

const repositoryRoot = fileURLToPath(new URL('../../../', import.meta.url));
const payer: Address = '0x00000000000000000000000000000000000000a1';
const tokenAbi = parseAbi([
  'function name() view returns (string)',
  'function version() view returns (string)',
  'function symbol() view returns (string)',
  'function decimals() view returns (uint8)',
  'function balanceOf(address account) view returns (uint256)',
  'function DOMAIN_SEPARATOR() view returns (bytes32)',
]);
const eip712DomainFields = [
  { name: 'name', type: 'string' },
  { name: 'version', type: 'string' },
  { name: 'chainId', type: 'uint256' },
  { name: 'verifyingContract', type: 'address' },
] as const;

describe('The committed contract artefacts', () => {
  it('are what the pinned compiler makes of the sources', () => {
    const run = spawnSync(process.execPath, ['infra/contracts/compile.mjs', '--check'], {
      cwd: repositoryRoot,
      encoding: 'utf8',
      env: { ...process.env, NODE_OPTIONS: '' },
    });
    expect({ status: run.status, problems: run.stderr }).toEqual({ status: 0, problems: '' });
  });
});

describe.each([
  { mining: 'mining each transaction', options: [] },
  { mining: 'with a block every minute', options: ['--block-time', '60'] },
  { mining: 'that mines only when told', options: ['--no-mining'] },
])('The dev chain on an anvil $mining', ({ options }) => {
  let anvil: ChildProcess;
  let rpcUrl: string;

  beforeEach(async () => {
    const port = await freePort();
    rpcUrl = `http://127.0.0.1:${port}`;
    anvil = spawn(anvilBinary(), ['--port', `${port}`, '--chain-id', '84532', ...options], {
      stdio: 'ignore',
    });
    await waitUntilAnswers(rpcUrl);
  });

  afterEach(async () => {
    anvil.kill('SIGKILL');
    await once(anvil, 'exit');
  });

  it('has the tokens under their own names, with the EIP-712 domain of their address and chain', async () => {
    const { chainId, tokens } = await deployDevChain(rpcUrl);
    expect(chainId).toBe(84_532);
    expect(tokens).toEqual([devUsdc, devTestDollar]);
    for (const token of tokens) {
      const { name, version, symbol, decimals } = token;
      expect(await readToken(rpcUrl, token.address)).toEqual({
        name,
        version,
        symbol,
        decimals,
        domainSeparator: hashDomain({
          domain: { name, version, chainId: BigInt(chainId), verifyingContract: token.address },
          types: { EIP712Domain: eip712DomainFields },
        }),
      });
    }
  });

  it('has a Multicall3 that knows the block', async () => {
    const { multicall3 } = await deployDevChain(rpcUrl);
    const contract = { address: multicall3, abi: multicall3Abi } as const;
    const client = createPublicClient({ transport: http(rpcUrl) });
    const block = await client.getBlock();
    expect(await client.readContract({ ...contract, functionName: 'getCurrentBlockTimestamp' })).toBe(
      block.timestamp,
    );
  });

  it('changes nothing when prepared a second time', async () => {
    await deployDevChain(rpcUrl);
    const client = createPublicClient({ transport: http(rpcUrl), cacheTime: 0 });
    const before = await client.getBlock();
    await deployDevChain(rpcUrl);
    expect((await client.getBlock()).hash).toBe(before.hash);
  });

  it('mints to anyone', async () => {
    await deployDevChain(rpcUrl);
    await mintDevToken(rpcUrl, { token: devUsdc.address, to: payer, amount: 5_000_000n });
    await mintDevToken(rpcUrl, { token: devUsdc.address, to: payer, amount: 1n });
    const client = createPublicClient({ transport: http(rpcUrl) });
    const balance = await client.readContract({
      address: devUsdc.address,
      abi: tokenAbi,
      functionName: 'balanceOf',
      args: [payer],
    });
    expect(balance).toBe(5_000_001n);
  });

  it('puts the token code in place of other code at its address', async () => {
    await deployDevChain(rpcUrl);
    const client = createPublicClient({ transport: http(rpcUrl) });
    await client.request({ method: 'anvil_setCode', params: [devUsdc.address, '0x00'] } as never);
    await deployDevChain(rpcUrl);
    expect(await client.getCode({ address: devUsdc.address })).toBe(devTokenCode);
  });
});

describe('Preparing a chain that is not anvil', () => {
  let node: Server;

  beforeEach(async () => {
    node = createServer((request, response) => {
      request.resume();
      response.setHeader('content-type', 'application/json');
      response.end(JSON.stringify({ jsonrpc: '2.0', id: 0, result: 'Geth/v1.16.0' }));
    }).listen(0, '127.0.0.1');
    await once(node, 'listening');
  });

  afterEach(() => {
    node.close();
  });

  it('is refused', async () => {
    const { port } = node.address() as AddressInfo;
    await expect(deployDevChain(`http://127.0.0.1:${port}`)).rejects.toThrow(DevChainError);
  });
});

async function readToken(rpcUrl: string, address: Address) {
  const client = createPublicClient({ transport: http(rpcUrl) });
  const contract = { address, abi: tokenAbi } as const;
  return {
    name: await client.readContract({ ...contract, functionName: 'name' }),
    version: await client.readContract({ ...contract, functionName: 'version' }),
    symbol: await client.readContract({ ...contract, functionName: 'symbol' }),
    decimals: await client.readContract({ ...contract, functionName: 'decimals' }),
    domainSeparator: await client.readContract({ ...contract, functionName: 'DOMAIN_SEPARATOR' }),
  };
}

function anvilBinary(): string {
  const machine = `${process.platform}-${process.arch === 'x64' ? 'amd64' : process.arch}`;
  const manifest = createRequire(import.meta.url).resolve(`@foundry-rs/anvil-${machine}/package.json`);
  return join(dirname(manifest), 'bin', 'anvil');
}

async function waitUntilAnswers(rpcUrl: string): Promise<void> {
  const client = createPublicClient({ transport: http(rpcUrl, { retryCount: 0 }) });
  for (let tries = 0; tries < 200; tries += 1) {
    const answered = await client.getChainId().then(
      () => true,
      () => false,
    );
    if (answered) return;
    await sleep(50);
  }
}
