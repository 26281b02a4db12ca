import { ExactEvmScheme } from '@x402/evm/exact/client';
import { decodePaymentResponseHeader, wrapFetchWithPayment, x402Client } from '@x402/fetch';
import type { Hex } from 'viem';
import { privateKeyToAccount } from 'viem/accounts';
import {
  createSigner,
  decodeXPaymentResponse,
  wrapFetchWithPayment as wrapFetchWithPaymentV1,
} from 'x402-fetch';
import { z } from 'zod';

import type { Timeline } from './timeline.js';

/** What the agent holds after a purchase: the answer, and what it signed for it. */
export type Receipt = {
  readonly status: number;
  readonly body: string;
  readonly transaction: string | undefined;
  readonly authorization: Authorization | undefined;
};

export type Authorization = { readonly from: string; readonly nonce: string };

type Buyer = (fetchUsed: typeof fetch) => Promise<(url: string) => Promise<Response>>;

const signedPayment = z.object({
  payload: z.object({ authorization: z.object({ from: z.string(), nonce: z.string() }) }),
});

/** Buys with `@x402/fetch`, its defaults untouched. */
export async function buy(url: string, payerKey: Hex, timeline: Timeline): Promise<Receipt> {
  const signer = privateKeyToAccount(payerKey);
  return purchase(url, timeline, async (fetchUsed) =>
    wrapFetchWithPayment(fetchUsed, new x402Client().register('eip155:84532', new ExactEvmScheme(signer))),
  );
}

/** Buys with the deprecated `x402-fetch` of protocol version 1, its defaults untouched. */
export async function buyLegacy(url: string, payerKey: Hex, timeline: Timeline): Promise<Receipt> {
  return purchase(url, timeline, async (fetchUsed) =>
    wrapFetchWithPaymentV1(fetchUsed, await createSigner('base-sepolia', payerKey)),
  );
}

async function purchase(url: string, timeline: Timeline, buyer: Buyer): Promise<Receipt> {
  let authorization: Authorization | undefined;
  const watched: typeof fetch = async (input, init) => {
    const request = new Request(input, init);
    const payment = request.headers.get('PAYMENT-SIGNATURE') ?? request.headers.get('X-PAYMENT');
    if (payment !== null) {
      timeline.mark('signed');
      authorization = authorizationIn(payment);
    }
    const response = await fetch(request);
    if (response.status === 402) timeline.mark('402');
    return response;
  };
  const paidFetch = await buyer(watched);
  timeline.mark('asked');
  const response = await paidFetch(url);
  const body = await response.text();
  timeline.mark('served');
  return { status: response.status, body, transaction: transactionIn(response.headers), authorization };
}

function authorizationIn(header: string): Authorization | undefined {
  const parsed = signedPayment.safeParse(JSON.parse(Buffer.from(header, 'base64').toString('utf8')));
  return parsed.success ? parsed.data.payload.authorization : undefined;
}

function transactionIn(headers: Headers): string | undefined {
  const current = headers.get('PAYMENT-RESPONSE');
  if (current !== null) return decodePaymentResponseHeader(current).transaction;
  const legacy = headers.get('X-PAYMENT-RESPONSE');
  return legacy === null ? undefined : decodeXPaymentResponse(legacy).transaction;
}
