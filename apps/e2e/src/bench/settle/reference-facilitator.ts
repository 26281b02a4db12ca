import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';

import type { PaymentPayload, PaymentRequirements } from '@x402/core/types';
import type { Hex } from 'viem';

import { referenceFacilitator } from '../../reference.js';

/**
 * The reference facilitator, a process of its own, on the barest HTTP server there is, so that nothing but theirs is
 * measured.
 */
const { RPC_URL: rpcUrl, CHAIN_ID: chainId, RELAYER_PRIVATE_KEY: key, PORT: port } = process.env;
if (rpcUrl === undefined || chainId === undefined || key === undefined)
  throw new TypeError('RPC_URL, CHAIN_ID and RELAYER_PRIVATE_KEY must be set');

const facilitator = referenceFacilitator({
  rpcUrl,
  chainId: Number(chainId),
  relayerKey: key as Hex,
  pollingIntervalMs: 50,
});

type Asked = { readonly paymentPayload: PaymentPayload; readonly paymentRequirements: PaymentRequirements };

const routes: Readonly<Record<string, (asked: Asked) => Promise<unknown>>> = {
  '/verify': async ({ paymentPayload, paymentRequirements }) =>
    facilitator.verify(paymentPayload, paymentRequirements),
  '/settle': async ({ paymentPayload, paymentRequirements }) =>
    facilitator.settle(paymentPayload, paymentRequirements),
};

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const route = routes[request.url ?? ''];
  if (route === undefined) return reply(response, 200, facilitator.getSupported());
  try {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    reply(response, 200, await route(JSON.parse(Buffer.concat(chunks).toString()) as Asked));
  } catch (fault) {
    reply(response, 500, { error: fault instanceof Error ? fault.message : String(fault) });
  }
}

function reply(response: ServerResponse, status: number, body: unknown): void {
  const text = JSON.stringify(body);
  response.writeHead(status, {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(text),
  });
  response.end(text);
}

createServer((request, response) => void answer(request, response)).listen(Number(port), '127.0.0.1');
// The parent tells us to end by going away.
process.on('disconnect', () => process.exit(0));
