import { once } from 'node:events';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';

import { HTTPFacilitatorClient } from '@x402/core/server';
import { ExactEvmScheme } from '@x402/evm/exact/server';
import { paymentMiddleware, x402ResourceServer } from '@x402/express';
import express, { type RequestHandler } from 'express';
import type { Address } from 'viem';
import { paymentMiddleware as paymentMiddlewareV1 } from 'x402-express';

export type Shop = {
  /** What it sells, behind a 402. */
  readonly goods: string;
  close(): void;
};

export type ShopOptions = { readonly facilitatorUrl: string; readonly payTo: Address };

const price = '$0.01';
const path = '/weather';

/** A seller of today: `@x402/express`, unmodified, pointed at our facilitator. */
export async function openShop({ facilitatorUrl, payTo }: ShopOptions): Promise<Shop> {
  const server = new x402ResourceServer(new HTTPFacilitatorClient({ url: facilitatorUrl })).register(
    'eip155:84532',
    new ExactEvmScheme(),
  );
  const accepts = { scheme: 'exact', price, network: 'eip155:84532', payTo } as const;
  return serve(paymentMiddleware({ [`GET ${path}`]: { accepts, description: 'The weather' } }, server));
}

/** A seller who never moved on: the deprecated `x402-express` of protocol version 1. */
export async function openLegacyShop({ facilitatorUrl, payTo }: ShopOptions): Promise<Shop> {
  const routes = { [`GET ${path}`]: { price, network: 'base-sepolia' } } as const;
  const middleware = paymentMiddlewareV1(payTo, routes, { url: facilitatorUrl as `${string}://${string}` });
  // It is typed for Express 4, whose handlers run unchanged on Express 5.
  return serve(middleware as unknown as RequestHandler);
}

async function serve(payment: RequestHandler): Promise<Shop> {
  const app = express();
  app.use(payment);
  app.get(path, (_request, response) => {
    response.json({ weather: 'sunny', degrees: 21 });
  });
  const server: Server = app.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    goods: `http://127.0.0.1:${(server.address() as AddressInfo).port}${path}`,
    close: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}
