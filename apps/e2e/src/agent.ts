import { ExactEvmScheme } from '@x402/evm/exact/client';
import { decodePaymentResponseHeader, wrapFetchWithPayment, x402Client } from '@x402/fetch';
import {
  createSigner,
  decodeXPaymentResponse,
  wrapFetchWithPayment as wrapFetchWithPaymentV1,
} from 'x402-fetch';

import type { Payer } from './payer.js';

export type Bought = {
  readonly status: number;
  readonly body: unknown;
  readonly settlement: {
    readonly success: boolean;
    readonly transaction: string;
    readonly network: string;
  } | null;
};

export type AgentOptions = {
  readonly chainId: number;
  /** Tokens that are no default asset of the client must be allowed by name. */
  readonly allowedAsset?: string;
  /** Called when the client is told to pay. */
  readonly onPaymentRequired?: () => void;
};

/** A fetch that pays by `@x402/fetch`; spending controls are the client's defaults unless an asset is allowed. */
export function payingFetch(payer: Payer, options: AgentOptions): typeof fetch {
  const { chainId, allowedAsset, onPaymentRequired } = options;
  const client = new x402Client().register(`eip155:${chainId}`, new ExactEvmScheme(payer.account));
  if (allowedAsset !== undefined) {
    client.setSpendControls({ allowedAssets: [{ network: `eip155:${chainId}`, asset: allowedAsset }] });
  }
  const watched: typeof fetch = async (input, init) => {
    const response = await fetch(input, init);
    if (response.status === 402) onPaymentRequired?.();
    return response;
  };
  return wrapFetchWithPayment(watched, client) as typeof fetch;
}

export async function buy(url: string, payer: Payer, options: AgentOptions): Promise<Bought> {
  const response = await payingFetch(payer, options)(url);
  const header = response.headers.get('PAYMENT-RESPONSE');
  return {
    status: response.status,
    body: await response.json(),
    settlement: header === null ? null : decodePaymentResponseHeader(header),
  };
}

/** Buys by the deprecated `x402-fetch` of protocol version 1. */
export async function buyLegacy(url: string, payer: Payer, atomicMax?: bigint): Promise<Bought> {
  const paid = wrapFetchWithPaymentV1(fetch, await createSigner('base-sepolia', payer.key), atomicMax);
  const response = await paid(url);
  const header = response.headers.get('X-PAYMENT-RESPONSE');
  return {
    status: response.status,
    body: await response.json(),
    settlement: header === null ? null : decodeXPaymentResponse(header),
  };
}
