import { once } from 'node:events';
import type { AddressInfo, Server } from 'node:net';

import { type ServerType, serve } from '@hono/node-server';
import { devUsdc } from '@quittance/embedded';
import { HTTPFacilitatorClient, type RoutesConfig } from '@x402/core/server';
import { ExactEvmScheme } from '@x402/evm/exact/server';
import { UptoEvmScheme } from '@x402/evm/upto/server';
import {
  paymentMiddleware as expressPayment,
  setSettlementOverrides as settleOnExpress,
  x402ResourceServer,
} from '@x402/express';
import {
  declareEip2612GasSponsoringExtension,
  declareErc20ApprovalGasSponsoringExtension,
} from '@x402/extensions';
import { paymentMiddleware as honoPayment, setSettlementOverrides as settleOnHono } from '@x402/hono';
import express, { type RequestHandler } from 'express';
import { Hono } from 'hono';
import { evm, Mppx } from 'mppx/express';
import { formatUnits } from 'viem';
import type { Address } from 'viem';
import { paymentMiddleware as legacyExpressPayment } from 'x402-express';
import { paymentMiddleware as legacyHonoPayment } from 'x402-hono';

import { type Method, methods, type ServerName } from './plan.js';

export type MarketOptions = {
  readonly facilitatorUrl: string;
  readonly chainId: number;
  readonly payTo: Address;
};

/** A shop on each published server, unmodified, that sells the same goods in every way that it can. */
export type Market = { goodsAt(server: ServerName, method: Method): string; close(): void };

type Shop = { readonly url: string; close(): void };

const goods = { weather: 'sunny' };
const pathOf = ({ id }: Method): string => `/${id}`;
const soldBy = (protocol: Method['protocol']): Method[] => methods.filter((one) => one.protocol === protocol);

export async function openMarket(options: MarketOptions): Promise<Market> {
  const shops: Record<ServerName, Shop> = {
    '@x402/express': await openExpress(options),
    '@x402/hono': await openHono(options),
    'x402-express': await openLegacyExpress(options),
    'x402-hono': await openLegacyHono(options),
    mppx: await openMppx(options),
  };
  return {
    goodsAt: (server, method) => `${shops[server].url}${server === 'mppx' ? '/mpp' : pathOf(method)}`,
    close: () => {
      for (const shop of Object.values(shops)) shop.close();
    },
  };
}

async function openExpress(options: MarketOptions): Promise<Shop> {
  const app = express();
  app.use(expressPayment(currentRoutes(options), resourceServer(options)));
  for (const method of soldBy('v2')) {
    app.get(pathOf(method), (_request, response) => {
      if (method.scheme === 'upto') settleOnExpress(response, { amount: method.settles.toString() });
      response.json(goods);
    });
  }
  return listening(app.listen(0, '127.0.0.1'));
}

async function openHono(options: MarketOptions): Promise<Shop> {
  const app = new Hono();
  app.use(honoPayment(currentRoutes(options), resourceServer(options)));
  for (const method of soldBy('v2')) {
    app.get(pathOf(method), (context) => {
      if (method.scheme === 'upto') settleOnHono(context, { amount: method.settles.toString() });
      return context.json(goods);
    });
  }
  return listening(serve({ fetch: app.fetch, port: 0, hostname: '127.0.0.1' }));
}

function resourceServer({ facilitatorUrl, chainId }: MarketOptions): x402ResourceServer {
  const network = `eip155:${chainId}` as const;
  return new x402ResourceServer(new HTTPFacilitatorClient({ url: facilitatorUrl }))
    .register(network, new ExactEvmScheme())
    .register(network, new UptoEvmScheme());
}

function currentRoutes({ chainId, payTo }: MarketOptions): RoutesConfig {
  const network = `eip155:${chainId}` as const;
  const routes = soldBy('v2').map((method) => {
    const { scheme, transfer, flow, price } = method;
    const { address: asset, name, version } = devUsdc;
    const how = { assetTransferMethod: transfer, ...(flow === 'upfront' ? { paymentFlow: flow } : {}) };
    const accepts = {
      scheme,
      network,
      payTo,
      price: { amount: price.toString(), asset, extra: { name, version } },
      extra: how,
    };
    return [
      `GET ${pathOf(method)}`,
      { accepts, description: 'The weather', extensions: extensionsOf(method) },
    ];
  });
  return Object.fromEntries(routes) as RoutesConfig;
}

function extensionsOf({ approval }: Method): Record<string, unknown> {
  if (approval === 'eip2612') return declareEip2612GasSponsoringExtension();
  if (approval === 'erc20') return declareErc20ApprovalGasSponsoringExtension();
  return {};
}

async function openLegacyExpress({ facilitatorUrl, payTo }: MarketOptions): Promise<Shop> {
  const app = express();
  const middleware = legacyExpressPayment(payTo, legacyRoutes(), { url: asUrl(facilitatorUrl) });
  // It is typed for Express 4, whose handlers run unchanged on Express 5.
  app.use(middleware as unknown as RequestHandler);
  for (const method of soldBy('v1')) {
    app.get(pathOf(method), (_request, response) => {
      response.json(goods);
    });
  }
  return listening(app.listen(0, '127.0.0.1'));
}

async function openLegacyHono({ facilitatorUrl, payTo }: MarketOptions): Promise<Shop> {
  const app = new Hono();
  app.use(legacyHonoPayment(payTo, legacyRoutes(), { url: asUrl(facilitatorUrl) }));
  for (const method of soldBy('v1')) app.get(pathOf(method), (context) => context.json(goods));
  return listening(serve({ fetch: app.fetch, port: 0, hostname: '127.0.0.1' }));
}

const asUrl = (url: string) => url as `${string}://${string}`;

function legacyRoutes() {
  const network = 'base-sepolia' as const;
  return Object.fromEntries(
    soldBy('v1').map((method) => [`GET ${pathOf(method)}`, { price: dollarsOf(method), network }]),
  );
}

async function openMppx({ facilitatorUrl, payTo }: MarketOptions): Promise<Shop> {
  const app = express();
  const charge = evm.charge({
    currency: evm.assets.baseSepolia.USDC,
    recipient: payTo,
    x402: { facilitator: facilitatorUrl },
  });
  const mppx = Mppx.create({
    methods: [charge],
    secretKey: 'a merchant of the matrix, not a secret',
    realm: 'shop',
  });
  for (const method of soldBy('MPP')) {
    const amount = formatUnits(method.price, devUsdc.decimals);
    app.get(pathOf(method), mppx.charge({ amount }), (_request, response) => {
      response.json(goods);
    });
  }
  return listening(app.listen(0, '127.0.0.1'));
}

const dollarsOf = ({ price }: Method): string => `$${formatUnits(price, devUsdc.decimals)}`;

async function listening(server: Server | ServerType): Promise<Shop> {
  if (!server.listening) await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () => {
      server.close();
      if ('closeAllConnections' in server) server.closeAllConnections();
    },
  };
}
