import { afterEach, describe, expect, it } from '@jest/globals';
import { authorizationUsedTopic } from '@quittance/exact-evm';
import { type Hex, keccak256 } from 'viem';

import { answer, type FakeNode, type Question, startFakeNode } from '../test/fake-node.js';
import { networkAt, seller, usdc } from '../test/payments.js';
import { authorizationCancelledTopic } from './authorization-used.js';
import { ChainUnavailableError } from './chain-error.js';
import { EvmChain } from './evm-chain.js';

const hash = `0x${'12'.repeat(32)}` as const;
const block = { number: '0x1', hash, parentHash: hash, timestamp: '0x1', baseFeePerGas: '0x64' };
const payerTopic = `0x${'00'.repeat(12)}${seller.slice(2)}`;
const place = { address: usdc, transactionHash: hash, blockHash: hash, logIndex: '0x0' };
const log = { ...place, topics: [authorizationUsedTopic, payerTopic, hash], blockNumber: '0x1' };
let node: FakeNode | undefined;

/** Answers each question by its method. */
async function connectToAnswers(byMethod: (question: Question) => object): Promise<EvmChain> {
  node = await startFakeNode((questions, response) => {
    const answers = questions.map((question) => ({ jsonrpc: '2.0', id: question.id, ...byMethod(question) }));
    answer(response, answers.length === 1 ? answers[0] : answers);
  });
  return EvmChain.connect(networkAt(node.url), { requestTimeoutMs: 1_000 });
}

async function expectFault(asked: Promise<unknown>): Promise<void> {
  await expect(asked).rejects.toBeInstanceOf(ChainUnavailableError);
}

function asked(method: string): number {
  return node?.requests.flat().filter((question) => question.method === method).length ?? 0;
}

/** The filter of a block with logs of these. */
function bloomOf(...entries: readonly Hex[]): string {
  let bloom = 0n;
  for (const entry of entries) {
    const digest = keccak256(entry).slice(2, 14);
    for (const pair of digest.match(/.{4}/g) ?? []) bloom |= 1n << BigInt(parseInt(pair, 16) % 2_048);
  }
  return `0x${bloom.toString(16).padStart(512, '0')}`;
}

afterEach(async () => {
  await node?.stop();
  node = undefined;
});

describe('Logs of a range that a node finds too long', () => {
  it('are asked for in halves, and come in order', async () => {
    const chain = await connectToAnswers(({ method, params }) => {
      if (method === 'eth_getBlockByNumber') return { result: { ...block, number: params[0] } };
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
    const chain = await connectToAnswers(({ method }) =>
      method === 'eth_getLogs' ? { error } : { result: block },
    );
    await expectFault(chain.authorizationUsed({ fromBlock: 1n, toBlock: 4n }));
  });

  it('are each asked for with the last block of the half, in one request', async () => {
    const chain = await connectToAnswers(({ method, params }) => {
      if (method === 'eth_getBlockByNumber') return { result: { ...block, number: params[0] } };
      const [{ fromBlock, toBlock }] = params as [{ fromBlock: string; toBlock: string }];
      const isLong = Number(toBlock) - Number(fromBlock) >= 2;
      return isLong
        ? { error: { code: -32_005, message: 'query returned more than 10000 results' } }
        : { result: [] };
    });
    const { logs, lastBlock } = await chain.authorizationUsedWithBlock({ fromBlock: 1n, toBlock: 4n });
    expect(logs).toEqual([]);
    expect(lastBlock.number).toBe(4n);
    const asked = node?.requests.map(([first, second]) => [
      (first?.params[0] as { toBlock: string }).toBlock,
      second?.params[0],
    ]);
    expect(asked).toEqual([
      ['0x4', '0x4'],
      ['0x2', '0x2'],
      ['0x4', '0x4'],
    ]);
  });

  it('are a fault when the node that gave them has not got one half’s last block', async () => {
    const chain = await connectToAnswers(({ method, params }) => {
      if (method === 'eth_getBlockByNumber') {
        return { result: params[0] === '0x4' ? { ...block, number: '0x4' } : null };
      }
      const [{ fromBlock, toBlock }] = params as [{ fromBlock: string; toBlock: string }];
      return Number(toBlock) - Number(fromBlock) >= 2
        ? { error: { code: -32_602, message: 'block range is too large' } }
        : { result: [] };
    });
    await expectFault(chain.authorizationUsedWithBlock({ fromBlock: 1n, toBlock: 4n }));
    await expectFault(chain.authorizationUsed({ fromBlock: 3n, toBlock: 3n }));
  });
});

describe('Logs that a node leaves out', () => {
  const announced = { ...block, logsBloom: bloomOf(usdc, authorizationUsedTopic) };
  const oneBlock = { fromBlock: 1n, toBlock: 1n };
  /** A node without the logs of the block, and with `receipts` of it. */
  const hiding = (receipts: object, head: object = announced) =>
    connectToAnswers(({ method, params }) => {
      if (method === 'eth_getLogs') return { result: [] };
      if (method === 'eth_getBlockReceipts') return receipts;
      return { result: { ...head, number: params[0] } };
    });

  it('are taken from the receipts of the block that announces them', async () => {
    const receipt = { blockHash: hash, logs: [{ ...log, topics: [hash] }, log] };
    const foreign = { blockHash: hash, logs: [{ ...log, address: seller }] };
    const chain = await hiding({ result: [receipt, foreign] });
    const { logs, lastBlock } = await chain.authorizationUsedWithBlock(oneBlock);
    expect(logs).toMatchObject([{ asset: usdc, nonce: hash, blockNumber: 1n }]);
    expect(lastBlock.logsBloom).toBe(announced.logsBloom);
  });

  it('are none when the receipts have none either: filters fit by chance', async () => {
    const chain = await hiding({ result: [{ blockHash: hash, logs: [] }] });
    expect(await chain.authorizationUsed(oneBlock)).toEqual([]);
    expect(asked('eth_getLogs')).toBe(1);
  });

  it.each<[string, unknown]>([
    ['of another block', [{ blockHash: `0x${'34'.repeat(32)}`, logs: [log] }]],
    ['of nothing', []],
    ['of a block that it has not got', null],
  ])('are a fault when the node gives receipts %s', async (_what, result) => {
    await expectFault((await hiding({ result })).authorizationUsed(oneBlock));
  });

  it.each<[string, object]>([
    ['has no such method', { error: { code: -32_601, message: 'method not found' } }],
    ['has too much to do', { error: { code: -32_005, message: 'limit exceeded' } }],
    ['gives what are no receipts', { result: [{ logs: 'none' }] }],
  ])('are asked for again where it %s, and then it is believed', async (_what, receipts) => {
    const chain = await hiding(receipts);
    const startedAt = performance.now();
    expect(await chain.authorizationUsed(oneBlock)).toEqual([]);
    expect(asked('eth_getLogs')).toBe(4);
    expect(performance.now() - startedAt).toBeGreaterThanOrEqual(1_000);
  });

  it('are found when it is asked again', async () => {
    const chain = await connectToAnswers(({ method, params }) => {
      if (method === 'eth_getLogs') return { result: asked('eth_getLogs') > 2 ? [log] : [] };
      if (method === 'eth_getBlockReceipts') return { error: { code: -32_601, message: 'not found' } };
      return { result: { ...announced, number: params[0] } };
    });
    expect(await chain.authorizationUsed(oneBlock)).toHaveLength(1);
  });

  it.each<[string, object]>([
    ['announces no such logs', { ...block, logsBloom: bloomOf(usdc, hash) }],
    ['has no filter', block],
    ['has one that fits everything', { ...block, logsBloom: `0x${'ff'.repeat(256)}` }],
  ])('are not asked for where the block %s', async (_what, head) => {
    expect(await (await hiding({}, head)).authorizationUsed(oneBlock)).toEqual([]);
    expect(node?.requests).toHaveLength(1);
  });

  it('are looked for in each block of a range, of which each part is one request', async () => {
    const chain = await connectToAnswers(({ method, params }) => {
      if (method === 'eth_getLogs') return { result: [] };
      const blockNumber = params[0] as string;
      if (method === 'eth_getBlockReceipts')
        return { result: [{ blockHash: hash, logs: [{ ...log, blockNumber }] }] };
      const isAnnounced = ['0x2', '0x60', '0x64'].includes(blockNumber);
      return { result: { ...(isAnnounced ? announced : block), number: blockNumber } };
    });
    const { logs, lastBlock } = await chain.authorizationUsedWithBlock({ fromBlock: 1n, toBlock: 100n });
    expect(logs.map(({ blockNumber }) => blockNumber)).toEqual([2n, 96n, 100n]);
    expect(lastBlock.number).toBe(100n);
    expect(asked('eth_getLogs')).toBe(3);
    expect(node?.requests).toHaveLength(3 + 3);
  });

  it('of many blocks at once are not looked for where a filter is nearly full', async () => {
    const head = { ...block, logsBloom: `0x${'7f'.repeat(8)}${'ff'.repeat(248)}` };
    const chain = await hiding({ result: [{ blockHash: hash, logs: [] }] }, head);
    await chain.authorizationUsed({ fromBlock: 1n, toBlock: 2n });
    expect(asked('eth_getBlockReceipts')).toBe(0);
    await chain.authorizationUsed(oneBlock);
    expect(asked('eth_getBlockReceipts')).toBe(1);
  });
});

describe('The end of an authorization', () => {
  it('is a use or a cancellation, told apart by the first topic', async () => {
    const cancellation = { ...log, topics: [authorizationCancelledTopic, payerTopic, hash], logIndex: '0x7' };
    const chain = await connectToAnswers(({ method }) => ({
      result: method === 'eth_getLogs' ? [cancellation, log] : block,
    }));
    const ends = await chain.authorizationEnds({
      fromBlock: 1n,
      toBlock: 1n,
      asset: usdc,
      authorizer: seller,
      nonce: hash,
    });
    expect(ends).toMatchObject({ used: [{ logIndex: 0 }], cancelled: [{ logIndex: 7, nonce: hash }] });
    expect(node?.requests[0]?.[0]?.params).toEqual([
      {
        address: [usdc],
        topics: [[authorizationUsedTopic, authorizationCancelledTopic], payerTopic, hash],
        fromBlock: '0x1',
        toBlock: '0x1',
      },
    ]);
  });

  it('by cancellation has the topic of EIP-3009', () => {
    expect(authorizationCancelledTopic).toBe(
      '0x1cdd46ff242716cdaa72d159d339a485b3438398348d68f09d7c8c0a59353d81',
    );
  });
});
