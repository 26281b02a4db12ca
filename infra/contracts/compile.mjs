#!/usr/bin/env node
/**
 * Compiles src/*.sol with the pinned npm `solc` into artifacts/*.json, and writes the code that the dev chain places
 * into libs/embedded/src/dev-contracts.ts (with the genuine contracts, see genuine.mjs), so that a built
 * @quittance/embedded needs neither this folder nor solc nor the packages that code comes from.
 *
 *   node infra/contracts/compile.mjs            write both
 *   node infra/contracts/compile.mjs --check    write nothing, fail when either differs from its source
 */
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename } from 'node:path';
import { fileURLToPath } from 'node:url';
import solc from 'solc';

import { multicall3, permit2, simple7702Account } from './genuine.mjs';

const sourceFolder = new URL('src/', import.meta.url);
const artifactFolder = new URL('artifacts/', import.meta.url);
const modulePath = new URL('../../libs/embedded/src/dev-contracts.ts', import.meta.url);

const printWidth = 110;

/** No metadata hash: the bytecode depends on the code alone, not on comments or file names. */
const settings = {
  optimizer: { enabled: true, runs: 10_000 },
  evmVersion: 'cancun',
  metadata: { bytecodeHash: 'none', appendCBOR: false },
};

/** Deployed by the factory, never placed: its creation code is what a wallet's address is computed from. */
const madeByAnother = ['DevWallet'];

const genuine = { multicall3: await multicall3(), permit2: permit2(), delegate: simple7702Account() };

/** @returns {Map<string, string>} every generated file's text by its path. */
export function generatedFiles() {
  const artifacts = compileAll();
  const files = new Map(
    artifacts.map((artifact) => [
      fileURLToPath(new URL(`${artifact.contractName}.json`, artifactFolder)),
      `${JSON.stringify(artifact, null, 2)}\n`,
    ]),
  );
  files.set(fileURLToPath(modulePath), moduleText(artifacts));
  return files;
}

/** Of every contract that a file is named after and that is not abstract. */
function compileAll() {
  const names = readdirSync(sourceFolder)
    .filter((name) => name.endsWith('.sol'))
    .sort();
  const sources = Object.fromEntries(
    names.map((name) => [name, { content: readFileSync(new URL(name, sourceFolder), 'utf8') }]),
  );
  const input = {
    language: 'Solidity',
    sources,
    settings: {
      ...settings,
      outputSelection: { '*': { '*': ['abi', 'evm.bytecode.object', 'evm.deployedBytecode.object'] } },
    },
  };
  const output = JSON.parse(solc.compile(JSON.stringify(input)));
  if (output.errors?.length > 0) {
    throw new Error(output.errors.map((error) => error.formattedMessage).join('\n'));
  }
  return names.flatMap((fileName) => {
    const contractName = basename(fileName, '.sol');
    const contract = output.contracts[fileName][contractName];
    if (contract.evm.bytecode.object === '') return [];
    return {
      contractName,
      sourceName: fileName,
      sourceSha256: sourceHash(sources, fileName),
      compiler: { name: 'solc', version: solc.version(), settings },
      abi: contract.abi,
      bytecode: `0x${contract.evm.bytecode.object}`,
      deployedBytecode: `0x${contract.evm.deployedBytecode.object}`,
    };
  });
}

/** Of the file, and of the files that it imports behind it. */
function sourceHash(sources, fileName) {
  const { content } = sources[fileName];
  const imported = [...content.matchAll(/^import .* from "\.\/(.+)";$/gm)].map(([, name]) => name);
  const texts = [content, ...imported.map((name) => sources[name].content)];
  return createHash('sha256').update(texts.join('')).digest('hex');
}

function moduleText(artifacts) {
  const { permit2, delegate, multicall3 } = genuine;
  const constants = artifacts.map(({ contractName, bytecode, deployedBytecode }) => {
    const name = `${contractName[0].toLowerCase()}${contractName.slice(1)}`;
    return madeByAnother.includes(contractName)
      ? constantText(`${name}CreationCode`, bytecode)
      : constantText(`${name}Code`, deployedBytecode);
  });
  constants.push(
    constantText('multicall3Code', multicall3.code),
    constantText('multicall3From', multicall3.from),
    constantText('simple7702AccountCode', delegate.code),
    constantText('simple7702AccountAddress', delegate.address),
    constantText('simple7702AccountFrom', delegate.from),
    constantText('permit2Address', permit2.address),
    constantText('permit2From', permit2.from),
    '/** With the chain id after the first, and the domain separator after the second. */\n' +
      `export const permit2CodeParts = [\n${permit2.parts.map((part) => `  '${part}',\n`).join('')}] as const;\n`,
  );
  return [
    '// Written by infra/contracts/compile.mjs from infra/contracts/src and from dependencies. Do not edit.\n',
    ...constants,
  ].join('\n');
}

function constantText(name, text) {
  const oneLine = `export const ${name} = '${text}' as const;\n`;
  return oneLine.length <= printWidth + 1 ? oneLine : `export const ${name} =\n  '${text}' as const;\n`;
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
