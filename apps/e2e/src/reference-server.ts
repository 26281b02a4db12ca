import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

import type { PaymentPayload, PaymentRequirements } from '@x402/core/types';

import { referenceFacilitator, type ReferenceOptions } from './reference.js';

export type ReferenceServer = { readonly url: string; close(): void };

type Asked = { readonly paymentPayload: PaymentPayload; readonly paymentRequirements: PaymentRequirements };

/**
 * The reference facilitator behind HTTP, in this process, on the barest server there is: where it is measured, nothing but
 * theirs is.
 *
 * @param port 0: a free one.
 */
export async function startReferenceServer(options: ReferenceOptions, port = 0): Promise<ReferenceServer> {
  const facilitator = referenceFacilitator(options);
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

  const server = createServer((request, response) => void answer(request, response)).listen(
    port,
    '127.0.0.1',
  );
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}

function reply(response: ServerResponse, status: number, body: unknown): void {
  const text = JSON.stringify(body);
  response.writeHead(status, {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(text),
  });
  response.end(text);
}
