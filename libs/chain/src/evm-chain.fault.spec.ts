import type { ServerResponse } from 'node:http';

import { afterEach, describe, expect, it } from '@jest/globals';
import { freePort, startAnvil } from '@quittance/embedded';
import { authorizationUsedTopic } from '@quittance/exact-evm';

import { answer, type FakeNode, type Question, startFakeNode } from '../test/fake-node.js';
import { networkAt, newPayer, payBy, seller, usdc } from '../test/payments.js';
import { ChainUnavailableError } from './chain-error.js';
import { EvmChain } from './evm-chain.js';
import type { EvmNetwork } from './network.js';

const requestTimeoutMs = 300;
const hash = `0x${'12'.repeat(32)}` as const;
const block = { number: '0x1', hash, parentHash: hash, timestamp: '0x1', baseFeePerGas: '0x64' };
let node: FakeNode | undefined;

const methods: [string, (chain: EvmChain) => Promise<unknown>][] = [
  ['checkIdentity', (chain) => chain.checkIdentity()],
  ['ping', (chain) => chain.ping()],
  ['paymentFacts', async (chain) => chain.paymentFacts(await payBy(newPayer()))],
  ['latestBlock', (chain) => chain.latestBlock()],
  ['block', (chain) => chain.block(1n)],
  ['authorizationUsed', (chain) => chain.authorizationUsed({ fromBlock: 1n, toBlock: 2n })],
  [
    'authorizationEnds',
    (chain) =>
      chain.authorizationEnds({ fromBlock: 1n, toBlock: 2n, asset: usdc, authorizer: seller, nonce: hash }),
  ],
  ['receipt', (chain) => chain.receipt(hash)],
  ['blockNumberOf', (chain) => chain.blockNumberOf(hash)],
  ['transactionCount', (chain) => chain.transactionCount(seller, 'latest')],
  ['estimateCall', (chain) => chain.estimateCall({ to: usdc, data: '0x' }, seller)],
  ['lastRevert', (chain) => chain.lastRevert([{ to: usdc, data: '0x' }], seller)],
  ['standing', (chain) => chain.standing(usdc, seller)],
  ['calldataOf', (chain) => chain.calldataOf(hash)],
  [
    'spentOf',
    (chain) => chain.spentOf([{ method: 'permit2', asset: usdc, payer: seller, nonce: hash }], 'latest'),
  ],
  [
    'permitEnds',
    (chain) =>
      chain.permitEnds({
        fromBlock: 1n,
        toBlock: 2n,
        asset: usdc,
        payer: seller,
        payTo: seller,
        amount: 1n,
        nonce: hash,
      }),
  ],
  ['fees', (chain) => chain.fees()],
  ['finalizedBlock', (chain) => chain.finalizedBlock()],
  ['transactionCountMax', (chain) => chain.transactionCountMax(seller)],
  ['simulateBatch', (chain) => chain.simulateBatch({ asset: usdc, members: [], from: seller, gasLimit: 1n })],
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
      await expectFault(chain.paymentFacts(await payBy(newPayer())));
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
    await expectFault(chain.paymentFacts(await payBy(newPayer())));
  });
});

describe('Fees', () => {
  it('are twice the next base fee and the median tip', async () => {
    const history = { baseFeePerGas: ['0x64', '0x6e'], reward: [['0x1'], ['0x9'], ['0x3']] };
    const chain = await connectToAnswers(({ method }) => ({
      result: method === 'eth_feeHistory' ? history : block,
    }));
    expect(await chain.fees()).toEqual({
      type: 'eip1559',
      maxFeePerGas: 223n,
      maxPriorityFeePerGas: 3n,
      baseFee: 110n,
    });
  });

  it('are at least a tip of 1 wei, on a node without history too', async () => {
    const chain = await connectToAnswers(({ method }) =>
      method === 'eth_feeHistory'
        ? { error: { code: -32_601, message: 'method not found' } }
        : { result: block },
    );
    expect(await chain.fees()).toMatchObject({ maxFeePerGas: 201n, maxPriorityFeePerGas: 1n, baseFee: 100n });
  });

  it('are the gas price on a chain without base fee', async () => {
    const chain = await connectToAnswers(({ method }) => {
      if (method === 'eth_gasPrice') return { result: '0x7' };
      return {
        result: method === 'eth_feeHistory' ? { baseFeePerGas: ['0x0'] } : { ...block, baseFeePerGas: null },
      };
    });
    expect(await chain.fees()).toEqual({
      type: 'legacy',
      maxFeePerGas: 7n,
      maxPriorityFeePerGas: 7n,
      baseFee: null,
    });
  });
});

describe('The last final block', () => {
  it.each(['finalized', 'safe'] as const)('is the one that the node calls %s', async (finality) => {
    const chain = await connectToAnswers(({ params }) => ({
      result: params[0] === finality ? block : { ...block, number: '0x9' },
    }));
    expect((await withFinality(chain, finality).finalizedBlock())?.number).toBe(1n);
  });

  it.each([
    { code: -32_602, message: 'invalid block tag' },
    { code: -39_001, message: 'Unknown block' },
    { code: -32_000, message: 'finalized block not found' },
  ])('is null where the node does not know the word: $message', async (error) => {
    const chain = await connectToAnswers(() => ({ error }));
    expect(await chain.finalizedBlock()).toBeNull();
  });

  it('is null where there is none yet', async () => {
    const chain = await connectToAnswers(() => ({ result: null }));
    expect(await chain.finalizedBlock()).toBeNull();
  });

  it('is a fault when the node has too much to do', async () => {
    const chain = await connectToAnswers(() => ({ error: { code: 429, message: 'slow down' } }));
    await expectFault(chain.finalizedBlock());
  });

  it.each([
    [2, '0x7'],
    [0, '0x9'],
  ])('is the one %s below the latest, by the setting', async (depth, number) => {
    const chain = await connectToAnswers(({ params }) => ({
      result: { ...block, number: params[0] === 'latest' ? '0x9' : params[0] },
    }));
    expect((await withFinality(chain, depth).finalizedBlock())?.number).toBe(BigInt(number));
  });

  it('is null on a chain that is not that long', async () => {
    const chain = await connectToAnswers(() => ({ result: block }));
    expect(await withFinality(chain, 2).finalizedBlock()).toBeNull();
  });
});

describe('A receipt', () => {
  const receipt = {
    transactionHash: hash,
    status: '0x1',
    blockNumber: '0x1',
    blockHash: hash,
    from: seller,
    gasUsed: '0xf4240',
    effectiveGasPrice: '0x3',
    logs: [],
  };

  it.each<[string, object, object]>([
    ['is gas alone on L1', {}, { fee: 3_000_000n, l1Fee: null, operatorFee: null }],
    ['counts what a rollup charges for its data', { l1Fee: '0x64' }, { fee: 3_000_100n, l1Fee: 100n }],
    [
      'counts what the operator charges',
      { l1Fee: '0x0', operatorFeeScalar: '0x7', operatorFeeConstant: '0x2' },
      { fee: 3_000_009n, l1Fee: 0n, operatorFee: 9n },
    ],
    [
      'counts it by the rates after Jovian',
      { operatorFeeScalar: '0x7', operatorFeeConstant: '0x2', daFootprintGasScalar: '0x190' },
      { fee: 703_000_002n, operatorFee: 700_000_002n },
    ],
  ])('has a fee that %s', async (_what, fields, expected) => {
    const chain = await connectToAnswers(() => ({ result: { ...receipt, ...fields } }));
    expect(await chain.receipt(hash)).toMatchObject(expected);
  });

  it('holds the authorizations that it used among its other logs, and is a fault when one is malformed', async () => {
    const place = { transactionHash: hash, blockNumber: '0x1', blockHash: hash, address: usdc };
    const payer = `0x${'00'.repeat(12)}${seller.slice(2)}`;
    const topics = [authorizationUsedTopic.toUpperCase().replace('X', 'x'), payer, hash];
    const logs = [
      { ...place, logIndex: '0x3', topics: [hash, payer, payer] },
      { ...place, logIndex: '0x4', topics },
      { ...place, logIndex: '0x5', topics: [authorizationUsedTopic] },
      { ...place, logIndex: '0x6', topics: [] },
    ];
    const chain = await connectToAnswers(() => ({ result: { ...receipt, logs } }));
    expect((await chain.receipt(hash))?.authorizationsUsed).toEqual([
      {
        asset: usdc,
        authorizer: seller.toLowerCase(),
        nonce: hash,
        transaction: hash,
        blockNumber: 1n,
        blockHash: hash,
        logIndex: 4,
      },
    ]);
    logs.push({ ...place, logIndex: 'seven', topics });
    await expectFault(chain.receipt(hash));
  });
});

function withFinality(chain: EvmChain, finality: EvmNetwork['finality']): EvmChain {
  return EvmChain.connect({ ...chain.network, finality }, { requestTimeoutMs });
}
