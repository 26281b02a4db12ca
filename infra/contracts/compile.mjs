#!/usr/bin/env node
/**
 * Compiles src/*.sol with the pinned npm `solc` into artifacts/*.json, and writes the code that the dev chain places
 * into libs/embedded/src/dev-contracts.ts (with Multicall3, from viem), so that a built @quittance/embedded needs neither
 * this folder nor solc.
 *
 *   node infra/contracts/compile.mjs            write both
 *   node infra/contracts/compile.mjs --check    write nothing, fail when either differs from its source
 */
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import solc from 'solc';

const sourceFolder = new URL('src/', import.meta.url);
const artifactFolder = new URL('artifacts/', import.meta.url);
const modulePath = new URL('../../libs/embedded/src/dev-contracts.ts', import.meta.url);

/** No metadata hash: the bytecode depends on the code alone, not on comments or file names. */
const settings = {
  optimizer: { enabled: true, runs: 10_000 },
  evmVersion: 'cancun',
  metadata: { bytecodeHash: 'none', appendCBOR: false },
};

/** viem ships Multicall3's creation code without exporting it; what its constructor leaves is all after `RETURN INVALID`. */
const viemEntry = pathToFileURL(createRequire(import.meta.url).resolve('viem'));
const { multicall3Bytecode } = await import(new URL('../_esm/constants/contracts.js', viemEntry));
const multicall3Runtime = `0x${multicall3Bytecode.slice(multicall3Bytecode.indexOf('f3fe') + 4)}`;

/** @returns {Map<string, string>} every generated file's text by its path. */
export function generatedFiles() {
  const names = readdirSync(sourceFolder)
    .filter((name) => name.endsWith('.sol'))
    .sort();
  const artifacts = names.map(compile);
  const files = new Map(
    artifacts.map((artifact) => [
      fileURLToPath(new URL(`${artifact.contractName}.json`, artifactFolder)),
      `${JSON.stringify(artifact, null, 2)}\n`,
    ]),
  );
  files.set(fileURLToPath(modulePath), moduleText(artifacts));
  return files;
}

function compile(fileName) {
  const source = readFileSync(new URL(fileName, sourceFolder), 'utf8');
  const input = {
    language: 'Solidity',
    sources: { [fileName]: { content: source } },
    settings: {
      ...settings,
      outputSelection: { '*': { '*': ['abi', 'evm.bytecode.object', 'evm.deployedBytecode.object'] } },
    },
  };
  const output = JSON.parse(solc.compile(JSON.stringify(input)));
  if (output.errors?.length > 0) {
    throw new Error(output.errors.map((error) => error.formattedMessage).join('\n'));
  }
  const contractName = basename(fileName, '.sol');
  const contract = output.contracts[fileName][contractName];
  return {
    contractName,
    sourceName: fileName,
    sourceSha256: createHash('sha256').update(source).digest('hex'),
    compiler: { name: 'solc', version: solc.version(), settings },
    abi: contract.abi,
    bytecode: `0x${contract.evm.bytecode.object}`,
    deployedBytecode: `0x${contract.evm.deployedBytecode.object}`,
  };
}

function moduleText(artifacts) {
  const constants = artifacts.map(({ contractName, deployedBytecode }) =>
    constantText(`${contractName[0].toLowerCase()}${contractName.slice(1)}Code`, deployedBytecode),
  );
  constants.push(constantText('multicall3Code', multicall3Runtime));
  return [
    '// Written by infra/contracts/compile.mjs from infra/contracts/src. Do not edit.\n',
    ...constants,
  ].join('\n');
}

function constantText(name, code) {
  return `export const ${name} =\n  '${code}' as const;\n`;
}

function main(check) {
  const stale = [];
  for (const [path, text] of generatedFiles()) {
    if (check) {
      if (readOrEmpty(path) !== text) stale.push(path);
    } else {
      writeFileSync(path, text);
    }
  }
  if (stale.length > 0) {
    process.stderr.write(`Out of date:\n${stale.join('\n')}\nRun node infra/contracts/compile.mjs\n`);
    process.exitCode = 1;
  }
}

function readOrEmpty(path) {
  try {
    return readFileSync(path, 'utf8');
  } catch (fault) {
    if (fault.code === 'ENOENT') return '';
    throw fault;
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) main(process.argv.includes('--check'));
