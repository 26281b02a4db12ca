import { once } from 'node:events';
import type { AddressInfo } from 'node:net';

import { type DevToken } from '@quittance/embedded';
import { HTTPFacilitatorClient } from '@x402/core/server';
import { ExactEvmScheme } from '@x402/evm/exact/server';
import { paymentMiddleware, x402ResourceServer } from '@x402/express';
import express, { type RequestHandler } from 'express';
import type { Address } from 'viem';
import { paymentMiddleware as paymentMiddlewareV1 } from 'x402-express';

export type Shop = { readonly goods: string; close(): void };

/** A price in dollars, or so many atomic units of a token. */
export type Price = string | { readonly amount: string; readonly token: DevToken };

export type ShopOptions = {
  readonly facilitatorUrl: string;
  readonly chainId: number;
  readonly price: Price;
  readonly payTo: Address;
};

const path = '/weather';

/** A seller on `@x402/express`, unmodified. */
export async function openShop({ facilitatorUrl, chainId, price, payTo }: ShopOptions): Promise<Shop> {
  const network = `eip155:${chainId}` as const;
  const server = new x402ResourceServer(new HTTPFacilitatorClient({ url: facilitatorUrl })).register(
    network,
    new ExactEvmScheme(),
  );
  const asked =
    typeof price === 'string'
      ? price
      : {
          amount: price.amount,
          asset: price.token.address,
          extra: { name: price.token.name, version: price.token.version },
        };
  return serve(
    paymentMiddleware(
      {
        [`GET ${path}`]: {
          accepts: { scheme: 'exact', price: asked, network, payTo },
          description: 'The weather',
        },
      },
      server,
    ),
  );
}

/** A seller on the deprecated `x402-express` of protocol version 1, unmodified. */
export async function openLegacyShop({
  facilitatorUrl,
  price,
  payTo,
}: Omit<ShopOptions, 'chainId'>): Promise<Shop> {
  const asked =
    typeof price === 'string'
      ? price
      : {
          amount: price.amount,
          asset: {
            address: price.token.address,
            decimals: price.token.decimals,
            eip712: { name: price.token.name, version: price.token.version },
          },
        };
  const routes = { [`GET ${path}`]: { price: asked, network: 'base-sepolia' as const } };
  const middleware = paymentMiddlewareV1(payTo, routes, { url: facilitatorUrl as `${string}://${string}` });
  // It is typed for Express 4, whose handlers run unchanged on Express 5.
  return serve(middleware as unknown as RequestHandler);
}

async function serve(payment: RequestHandler): Promise<Shop> {
  const app = express();
  app.use(payment);
  app.get(path, (_request, response) => {
    response.json({ weather: 'sunny' });
  });
  const server = app.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    goods: `http://127.0.0.1:${(server.address() as AddressInfo).port}${path}`,
    close: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}
