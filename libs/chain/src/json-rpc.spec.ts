import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { inspect } from 'node:util';

import { afterEach, describe, expect, it } from '@jest/globals';
import { parseChainId } from '@quittance/money';

import { answer, type FakeNode, type Question, startFakeNode } from '../test/fake-node.js';
import { quantitySchema } from './answer.js';
import { ChainUnavailableError } from './chain-error.js';
import { RpcPool } from './rpc-pool.js';

const timeoutMs = 300;
let node: FakeNode;

async function connect(
  respond: (questions: readonly Question[], response: ServerResponse) => void,
): Promise<RpcPool> {
  node = await startFakeNode(respond);
  return new RpcPool({ chainId: parseChainId('eip155:84532'), urls: [node.url], timeoutMs });
}

const resultOf = ({ id, params }: Question) => ({ jsonrpc: '2.0', id, result: params[0] });

async function faultOf(asked: Promise<unknown>): Promise<ChainUnavailableError> {
  const fault = await asked.then(
    (value) => value,
    (error: unknown) => error,
  );
  expect(fault).toBeInstanceOf(ChainUnavailableError);
  return fault as ChainUnavailableError;
}

afterEach(async () => {
  await node.stop();
});

describe('Asking a node', () => {
  it('puts what is asked at the same time into one request', async () => {
    const rpc = await connect((questions, response) => answer(response, questions.map(resultOf)));
    const answers = await Promise.all(['0x1', '0x2', '0x3'].map((value) => rpc.ask('echo', value)));
    expect(answers).toEqual(['0x1', '0x2', '0x3'].map((result) => ({ ok: true, result })));
    expect(node.requests).toHaveLength(1);
  });

  it('sends a single question without a list around it', async () => {
    const rpc = await connect(([question], response) => answer(response, question && resultOf(question)));
    expect(await rpc.ask('echo', '0x7')).toEqual({ ok: true, result: '0x7' });
  });

  it('puts at most fifty questions into one request', async () => {
    const rpc = await connect((questions, response) => answer(response, questions.map(resultOf)));
    const values = Array.from({ length: 120 }, (_, index) => `0x${index}`);
    const answers = await Promise.all(values.map((value) => rpc.ask('echo', value)));
    expect(answers).toEqual(values.map((result) => ({ ok: true, result })));
    expect(node.requests.map((questions) => questions.length).sort()).toEqual([20, 50, 50]);
  });

  it('matches answers by id, whatever their order', async () => {
    const rpc = await connect((questions, response) => answer(response, questions.map(resultOf).reverse()));
    const answers = await Promise.all([rpc.ask('echo', '0x1'), rpc.ask('echo', '0x2')]);
    expect(answers).toEqual([
      { ok: true, result: '0x1' },
      { ok: true, result: '0x2' },
    ]);
  });

  it('faults the question that is left out, and no other', async () => {
    const rpc = await connect((questions, response) => answer(response, questions.slice(1).map(resultOf)));
    const [first, second] = await Promise.allSettled([rpc.ask('echo', '0x1'), rpc.ask('echo', '0x2')]);
    expect(first).toMatchObject({ status: 'rejected', reason: { code: 'chain_unavailable' } });
    expect(second).toMatchObject({ status: 'fulfilled', value: { ok: true, result: '0x2' } });
  });

  it('takes null for a result', async () => {
    const rpc = await connect(([question], response) => answer(response, { id: question?.id, result: null }));
    expect(await rpc.ask('echo')).toEqual({ ok: true, result: null });
  });

  it('hands on the error of one question', async () => {
    const error = { code: 3, message: 'execution reverted', data: '0x' };
    const rpc = await connect(([question], response) => answer(response, { id: question?.id, error }, 400));
    expect(await rpc.ask('eth_call')).toEqual({ ok: false, error });
  });

  it.each<[string, (response: ServerResponse, question: Question) => void]>([
    ['HTML', (response) => response.end('<html>Welcome to nginx</html>')],
    ['nothing', (response) => response.end()],
    ['null', (response) => answer(response, null)],
    ['an empty list', (response) => answer(response, [])],
    ['another id', (response, { id }) => answer(response, { id: id + 1, result: '0x1' })],
    ['no id', (response) => answer(response, { result: '0x1' })],
    [
      'two answers',
      (response, { id }) =>
        answer(response, [
          { id, result: '0x1' },
          { id, result: '0x2' },
        ]),
    ],
    ['neither result nor error', (response, { id }) => answer(response, { id })],
    ['a result of another kind', (response, { id }) => answer(response, { id, result: { value: 1 } })],
    ['an error that is none', (response, { id }) => answer(response, { id, error: 'no' })],
    [
      'an error to the batch',
      (response) => answer(response, { id: null, error: { code: -32_600, message: 'no batches' } }),
    ],
    ['HTTP 500 with an answer', (response, { id }) => answer(response, { id, result: '0x1' }, 500)],
    ['HTTP 429', (response) => answer(response, { error: 'slow down' }, 429)],
    ['HTTP 403', (response) => answer(response, { error: 'forbidden' }, 403)],
    ['half an answer and a cut', (response) => void response.write('{"id":', () => response.destroy())],
    ['a cut', (response) => void response.destroy()],
  ])('faults on %s', async (_what, respond) => {
    const rpc = await connect(([question], response) => {
      if (question !== undefined) respond(response, question);
    });
    const fault = await faultOf(rpc.request(quantitySchema, 'eth_blockNumber'));
    expect(fault).toMatchObject({ code: 'chain_unavailable', retryable: true, chainId: 'eip155:84532' });
  });

  it.each<[string, (response: ServerResponse) => void]>([
    ['never answers', () => undefined],
    ['stops in the middle of its answer', (response) => void response.write('{"id":1,')],
    ['sends its answer byte by byte', (response) => drip(response)],
  ])('gives a node that %s until the time-out', async (_what, respond) => {
    const rpc = await connect((_questions, response) => respond(response));
    const startedAt = performance.now();
    const fault = await faultOf(rpc.ask('eth_blockNumber'));
    expect(fault.message).toContain(`within ${timeoutMs} ms`);
    expect(performance.now() - startedAt).toBeLessThan(timeoutMs * 3);
  });

  it('gives up on an answer without end', async () => {
    const rpc = await connect((_questions, response) => {
      response.writeHead(200, { 'content-length': 10_000_000_000 });
      response.write(Buffer.alloc(33 * 1024 * 1024, ' '));
    });
    await faultOf(rpc.ask('eth_blockNumber'));
  });

  it('asks once more on a new connection when a kept one was closed', async () => {
    let requests = 0;
    const rpc = await connect(([question], response) => {
      requests += 1;
      if (requests === 2) response.destroy();
      else answer(response, question && resultOf(question));
    });
    await rpc.ask('echo', '0x1');
    expect(await rpc.ask('echo', '0x2')).toEqual({ ok: true, result: '0x2' });
  });

  it('does not ask again when the answer had begun', async () => {
    const rpc = await connect((_questions, response) => {
      response.write('{"id":', () => response.destroy());
    });
    await faultOf(rpc.ask('eth_blockNumber'));
    expect(node.requests).toHaveLength(1);
  });

  it('asks nobody else, whereto it is redirected', async () => {
    let redirected = 0;
    const rpc = await connect(([question], response) => {
      redirected += 1;
      if (redirected > 1) return answer(response, question && resultOf(question));
      response.writeHead(307, { location: '/elsewhere' });
      response.end();
    });
    const fault = await faultOf(rpc.ask('echo', '0x1'));
    expect(fault.message).toContain('HTTP 307');
    expect(redirected).toBe(1);
  });

  it('counts the wait for a connection into the time-out', async () => {
    const rpc = await connect(() => undefined);
    rpc.close();
    const sockets: Socket[] = [];
    const mute = createServer((socket) => sockets.push(socket)).listen(0, '127.0.0.1');
    await once(mute, 'listening');
    const url = `https://127.0.0.1:${(mute.address() as AddressInfo).port}/secret-key`;
    const secured = new RpcPool({ chainId: parseChainId('eip155:84532'), urls: [url], timeoutMs });
    const fault = await faultOf(secured.ask('eth_blockNumber'));
    expect(fault.message).toContain(`within ${timeoutMs} ms`);
    for (const socket of sockets) socket.destroy();
    mute.close();
    await once(mute, 'close');
  });

  it.each<[string, (response: ServerResponse) => void]>([
    ['answers with what is no JSON', (response) => void response.end('<html>')],
    ['cuts the connection', (response) => void response.destroy()],
    ['breaks off', (response) => void response.write('{', () => response.destroy())],
    ['never answers', () => undefined],
  ])('never names the URL, which may hold a key, of a node that %s', async (_what, respond) => {
    const rpc = await connect((_questions, response) => respond(response));
    const fault = await faultOf(rpc.ask('eth_blockNumber'));
    expect(inspect(fault, { depth: 10, showHidden: true })).not.toContain('secret-key');
    expect(JSON.stringify(fault)).not.toContain('secret-key');
  });
});

function drip(response: ServerResponse): void {
  const timer = setInterval(() => response.write(' '), 20);
  response.on('close', () => clearInterval(timer));
}
