/**
 * Contracts of the dev chain whose code is the published one, out of a dependency. Where such a contract is deployed
 * by CREATE2, its address proves the code: what we read is hashed and has to give the address everybody knows.
 */
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { getCreate2Address } from 'viem';

const { resolve } = createRequire(import.meta.url);
const create2Deployer = '0x4e59b44847b379578588920cA78FbF26c0B4956C';
const hexCharactersOfAByte = 2;
const wordBytes = 32;

/** viem ships Multicall3's creation code without exporting it; what its constructor leaves is all after `RETURN INVALID`. */
export async function multicall3() {
  const module = pathToFileURL(join(folderOf('viem'), '_esm/constants/contracts.js'));
  const { multicall3Bytecode } = await import(module);
  return {
    code: `0x${multicall3Bytecode.slice(multicall3Bytecode.indexOf('f3fe') + 4)}`,
    from: versionOf('viem'),
  };
}

/**
 * Permit2's constructor writes the chain and the domain separator into the code, so that it comes in three parts, with
 * the chain id between the first and the second, and the separator between the second and the third.
 */
export function permit2() {
  const name = '@uniswap/uniswapx-sdk';
  const factory = join(folderOf(name), 'dist/cjs/src/contracts/factories/Permit2__factory.js');
  const creationCode = readFileSync(factory, 'utf8').match(/"(0x60c0[0-9a-f]+)"/)?.[1];
  const address = '0x000000000022D473030F116dDEE9F6B43aC78BA3';
  const salt = '0x0000000000000000000000000000000000000000d3af2663da51c10215000000';
  requireAddress({ name, creationCode, salt, address });

  // Ends with: copy the code, store each immutable at its place in it, return it.
  const [constructor, separatorAt, chainAt] = creationCode.match(
    /^0x60c0.*?823960805181(?:61(.{4}))015260a0518161(.{4})0152f35b.*?5b600080fdfe/,
  );
  const code = creationCode.slice(constructor.length);
  const [separator, chain] = [separatorAt, chainAt].map((at) => Number.parseInt(at, 16));
  const gapAfter = (at) => (at + wordBytes) * hexCharactersOfAByte;
  return {
    address,
    parts: [
      `0x${code.slice(0, chain * hexCharactersOfAByte)}`,
      `0x${code.slice(gapAfter(chain), separator * hexCharactersOfAByte)}`,
      `0x${code.slice(gapAfter(separator))}`,
    ],
    creationCode,
    salt,
    from: versionOf(name),
  };
}

/** An account for EIP-7702 delegation, of the ERC-4337 reference implementation. */
export function simple7702Account() {
  const name = '@account-abstraction/contracts';
  const artifact = JSON.parse(readFileSync(join(folderOf(name), 'artifacts/Simple7702Account.json'), 'utf8'));
  const address = '0xe6Cae83BdE06E4c305530e199D7217f42808555B';
  const creationCode = artifact.bytecode;
  const salt = `0x${'00'.repeat(wordBytes)}`;
  requireAddress({ name, creationCode, salt, address });
  return { address, code: artifact.deployedBytecode, creationCode, salt, from: versionOf(name) };
}

function requireAddress({ name, creationCode, salt, address }) {
  const found = getCreate2Address({ from: create2Deployer, salt, bytecode: creationCode });
  if (found !== address) throw new Error(`${name} has other code than that of ${address}.`);
}

function versionOf(name) {
  const { version } = JSON.parse(readFileSync(join(folderOf(name), 'package.json'), 'utf8'));
  return `${name} ${version}`;
}

/** By hand, as packages need not export their own package.json, nor anything at all. */
function folderOf(name) {
  const folders = [];
  for (let at = dirname(resolve('viem')); at !== dirname(at); at = dirname(at)) {
    folders.push(join(at, 'node_modules', name));
  }
  const folder = folders.find((candidate) => existsSync(candidate));
  if (folder === undefined) throw new Error(`${name} is not installed.`);
  return folder;
}
