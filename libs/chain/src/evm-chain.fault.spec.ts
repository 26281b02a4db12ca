import type { ServerResponse } from 'node:http';

import { afterEach, describe, expect, it } from '@jest/globals';
import { freePort, startAnvil } from '@quittance/embedded';

import { answer, type FakeNode, type Question, startFakeNode } from '../test/fake-node.js';
import { networkAt, newPayer, payBy, seller, usdc } from '../test/payments.js';
import { ChainUnavailableError } from './chain-error.js';
import { EvmChain } from './evm-chain.js';

const requestTimeoutMs = 300;
const hash = `0x${'12'.repeat(32)}` as const;
let node: FakeNode | undefined;

const methods: [string, (chain: EvmChain) => Promise<unknown>][] = [
  ['checkIdentity', (chain) => chain.checkIdentity()],
  ['ping', (chain) => chain.ping()],
  ['exactEvmFacts', async (chain) => chain.exactEvmFacts(await payBy(newPayer()))],
  ['latestBlock', (chain) => chain.latestBlock()],
  ['block', (chain) => chain.block(1n)],
  ['authorizationUsed', (chain) => chain.authorizationUsed({ fromBlock: 1n, toBlock: 2n })],
  ['authorizationState', (chain) => chain.authorizationState(usdc, seller, hash)],
  ['receipt', (chain) => chain.receipt(hash)],
  ['transactionCount', (chain) => chain.transactionCount(seller, 'latest')],
  ['estimateTransfer', async (chain) => chain.estimateTransfer(await payBy(newPayer()), seller)],
  ['fees', (chain) => chain.fees()],
  ['broadcast', (chain) => chain.broadcast('0x02')],
  ['revertReason', (chain) => chain.revertReason(hash)],
  ['balance', (chain) => chain.balance(seller)],
];

async function expectFault(asked: Promise<unknown>): Promise<void> {
  const startedAt = performance.now();
  const fault = await asked.then(
    (fact) => ({ fact }),
    (error: unknown) => error,
  );
  expect(fault).toBeInstanceOf(ChainUnavailableError);
  expect(performance.now() - startedAt).toBeLessThan(requestTimeoutMs * 5);
}

async function connectTo(respond: (questions: readonly Question[], response: ServerResponse) => void) {
  node = await startFakeNode(respond);
  return EvmChain.connect(networkAt(node.url), { requestTimeoutMs });
}

/** Answers each question by its method. */
async function connectToAnswers(byMethod: (question: Question) => object) {
  return connectTo((questions, response) => {
    const answers = questions.map((question) => ({ jsonrpc: '2.0', id: question.id, ...byMethod(question) }));
    answer(response, answers.length === 1 ? answers[0] : answers);
  });
}

afterEach(async () => {
  await node?.stop();
  node = undefined;
});

describe.each(methods)('%s', (_name, ask) => {
  it('is a fault when nobody is there', async () => {
    const port = await freePort();
    await expectFault(ask(EvmChain.connect(networkAt(`http://127.0.0.1:${port}`), { requestTimeoutMs })));
  });

  it('is a fault when the node answers what is no JSON', async () => {
    await expectFault(ask(await connectTo((_questions, response) => response.end('<html>It works!</html>'))));
  });

  it.each([
    ['an object', { result: { any: 'thing' } }],
    ['a text', { result: 'latest' }],
    ['a number', { result: 7 }],
    ['nothing', {}],
    ['an internal error', { error: { code: -32_603, message: 'internal error' } }],
    ['a rate limit', { error: { code: -32_005, message: 'limit exceeded' } }],
  ])('is a fault when the node answers with %s', async (_what, body) => {
    await expectFault(ask(await connectToAnswers(() => body)));
  });
});

describe('A node that hangs', () => {
  it('is a fault after the time-out, and serves again afterwards', async () => {
    const anvil = await startAnvil();
    try {
      const chain = EvmChain.connect(networkAt(anvil.rpcUrl), { requestTimeoutMs });
      await chain.ping();
      anvil.pause();
      await expectFault(chain.ping());
      await expectFault(chain.exactEvmFacts(await payBy(newPayer())));
      anvil.resume();
      await chain.ping();
    } finally {
      await anvil.stop();
    }
  });
});

describe('The facts of a payment', () => {
  it('are a fault when the call’s results are cut off', async () => {
    const chain = await connectToAnswers(({ method }) => ({
      result: method === 'eth_call' ? `0x${'00'.repeat(31)}20${'00'.repeat(31)}07` : '0x',
    }));
    await expectFault(chain.exactEvmFacts(await payBy(newPayer())));
  });
});

describe('Logs of a range that a node finds too long', () => {
  it('are asked for in halves, and come in order', async () => {
    const chain = await connectToAnswers(({ params }) => {
      const [{ fromBlock, toBlock }] = params as [{ fromBlock: string; toBlock: string }];
      if (Number(toBlock) - Number(fromBlock) >= 2) {
        return { error: { code: -32_602, message: 'block range is too large' } };
      }
      const topics = [hash, `0x${'00'.repeat(12)}${seller.slice(2)}`, hash];
      const log = {
        address: usdc,
        topics,
        transactionHash: hash,
        blockHash: hash,
        logIndex: '0x0',
        removed: false,
      };
      return {
        result: [
          { ...log, blockNumber: fromBlock },
          { ...log, blockNumber: toBlock, removed: true },
        ],
      };
    });
    const logs = await chain.authorizationUsed({ fromBlock: 1n, toBlock: 7n });
    expect(logs.map(({ blockNumber }) => blockNumber)).toEqual([1n, 3n, 5n, 7n]);
  });

  it('are a fault when even one block is', async () => {
    const error = { code: -32_602, message: 'block range is too large' };
    const chain = await connectToAnswers(() => ({ error }));
    await expectFault(chain.authorizationUsed({ fromBlock: 1n, toBlock: 4n }));
  });
});

describe('Fees', () => {
  const block = { number: '0x1', hash, timestamp: '0x1', baseFeePerGas: '0x64' };

  it('are twice the next base fee and the median tip', async () => {
    const history = { baseFeePerGas: ['0x64', '0x6e'], reward: [['0x1'], ['0x9'], ['0x3']] };
    const chain = await connectToAnswers(({ method }) => ({
      result: method === 'eth_feeHistory' ? history : block,
    }));
    expect(await chain.fees()).toEqual({ maxFeePerGas: 223n, maxPriorityFeePerGas: 3n });
  });

  it('are at least a tip of 1 wei, on a node without history too', async () => {
    const chain = await connectToAnswers(({ method }) =>
      method === 'eth_feeHistory'
        ? { error: { code: -32_601, message: 'method not found' } }
        : { result: block },
    );
    expect(await chain.fees()).toEqual({ maxFeePerGas: 201n, maxPriorityFeePerGas: 1n });
  });

  it('are the gas price on a chain without base fee', async () => {
    const chain = await connectToAnswers(({ method }) => {
      if (method === 'eth_gasPrice') return { result: '0x7' };
      return {
        result: method === 'eth_feeHistory' ? { baseFeePerGas: ['0x0'] } : { ...block, baseFeePerGas: null },
      };
    });
    expect(await chain.fees()).toEqual({ maxFeePerGas: 7n, maxPriorityFeePerGas: 7n });
  });
});

describe('A receipt', () => {
  it('counts what a rollup charges for its data into the fee', async () => {
    const receipt = {
      transactionHash: hash,
      status: '0x1',
      blockNumber: '0x1',
      blockHash: hash,
      from: seller,
      gasUsed: '0xa',
      effectiveGasPrice: '0x3',
      l1Fee: '0x64',
    };
    const chain = await connectToAnswers(() => ({ result: receipt }));
    expect(await chain.receipt(hash)).toMatchObject({ fee: 130n });
  });
});
