import {
  decodePaymentResponseHeader as decodeOfAxios,
  wrapAxiosWithPayment,
  x402Client as X402AxiosClient,
} from '@x402/axios';
import { decodePaymentRequiredHeader } from '@x402/core/http';
import { toClientEvmSigner } from '@x402/evm';
import { ExactEvmScheme } from '@x402/evm/exact/client';
import { ExactEvmSchemeV1 } from '@x402/evm/exact/v1/client';
import { UptoEvmScheme } from '@x402/evm/upto/client';
import { decodePaymentResponseHeader, wrapFetchWithPayment, x402Client } from '@x402/fetch';
import axios, { type AxiosInstance } from 'axios';
import { Receipt } from 'mppx';
import { evm, Mppx } from 'mppx/client';
import { createPublicClient, http, type LocalAccount } from 'viem';
import { baseSepolia } from 'viem/chains';
import { decodeXPaymentResponse as decodeLegacyOfAxios, withPaymentInterceptor } from 'x402-axios';
import { toClientEvmSigner as toSignerOfAxios } from 'x402-evm-of-axios';
import { ExactEvmScheme as ExactOfAxios } from 'x402-evm-of-axios/exact/client';
import { UptoEvmScheme as UptoOfAxios } from 'x402-evm-of-axios/upto/client';
import { ExactEvmSchemeV1 as ExactV1OfAxios } from 'x402-evm-of-axios/v1';
import { decodeXPaymentResponse, wrapFetchWithPayment as wrapLegacyFetch } from 'x402-fetch';

import type { ClientName } from './plan.js';

export type Purchase = {
  readonly url: string;
  readonly account: LocalAccount;
  readonly chainId: number;
  /** What current clients read the chain by, to sign permits and approvals. */
  readonly rpcUrl: string;
};

/** What the client got for its money. */
export type Got = {
  readonly status: number;
  readonly body: unknown;
  readonly settlement: Settlement | null;
  /** Why the server wants to be paid, still: the facilitator's reason, where there is one. */
  readonly refusal: string | null;
};

/** What the server says of the payment: its transaction, or why there is none. */
export type Settlement = {
  readonly success: boolean;
  readonly transaction: string;
  readonly errorReason?: string;
};

/** Buys by each published client, unmodified; a refusal is an answer with its status. */
export const buyBy: Readonly<Record<ClientName, (purchase: Purchase) => Promise<Got>>> = {
  '@x402/fetch': async (purchase) =>
    gotByFetch(await fetchOf(purchase)(purchase.url), decodePaymentResponseHeader),
  '@x402/axios': async (purchase) => gotByAxios(axiosOf(purchase), purchase.url, decodeOfAxios),
  'x402-fetch': async ({ url, account }) =>
    gotByFetch(await wrapLegacyFetch(fetch, account)(url), decodeXPaymentResponse),
  'x402-axios': async ({ url, account }) => {
    // Its `x402` is an older copy, whose account type is another one of the same shape.
    const api = withPaymentInterceptor(axios.create(), account as never);
    return gotByAxios(api, url, decodeLegacyOfAxios);
  },
  mppx: async ({ url, account }) => {
    const { fetch: payingFetch } = Mppx.create({
      methods: [evm.charge({ account, currencies: [evm.assets.baseSepolia.USDC], maxAmount: '1' })],
      polyfill: false,
    });
    return gotByFetch(await payingFetch(url), decodePaymentResponseHeader);
  },
};

const readerOf = ({ rpcUrl }: Purchase) =>
  createPublicClient({ chain: baseSepolia, transport: http(rpcUrl) });

/** The current client, which pays by both generations; spending controls are its defaults. */
function fetchOf(purchase: Purchase): typeof fetch {
  const network = `eip155:${purchase.chainId}` as const;
  const signer = toClientEvmSigner(purchase.account, capabilities(purchase));
  const client = new x402Client()
    .register(network, new ExactEvmScheme(signer))
    .register(network, new UptoEvmScheme(signer))
    .registerV1('base-sepolia', new ExactEvmSchemeV1(signer));
  return wrapFetchWithPayment(fetch, client) as typeof fetch;
}

/** With the generation of `@x402/evm` that was published along with it. */
function axiosOf(purchase: Purchase): AxiosInstance {
  const network = `eip155:${purchase.chainId}` as const;
  const signer = toSignerOfAxios(purchase.account, capabilities(purchase));
  const client = new X402AxiosClient()
    .register(network, new ExactOfAxios(signer))
    .register(network, new UptoOfAxios(signer))
    .registerV1('base-sepolia', new ExactV1OfAxios(signer));
  return wrapAxiosWithPayment(axios.create(), client);
}

function capabilities(purchase: Purchase) {
  const reader = readerOf(purchase);
  return {
    readContract: async (args: { address: `0x${string}`; abi: readonly unknown[]; functionName: string }) =>
      reader.readContract({ args: [], ...args }),
    getTransactionCount: async (args: { address: `0x${string}` }) => reader.getTransactionCount(args),
    estimateFeesPerGas: async () => reader.estimateFeesPerGas(),
  };
}

type Decode = (header: string) => Settlement;
type Headers = (name: string) => string | null;

async function gotByFetch(response: Response, decode: Decode): Promise<Got> {
  const { status, headers } = response;
  return gotOf({ status, body: JSON.parse(await response.text()) }, (name) => headers.get(name), decode);
}

async function gotByAxios(api: AxiosInstance, url: string, decode: Decode): Promise<Got> {
  // Axios throws for every status that is no success, which its x402 interceptors rely on.
  const { status, data, headers } = await api.get(url).catch((fault: unknown) => {
    if (axios.isAxiosError(fault) && fault.response !== undefined) return fault.response;
    throw fault;
  });
  return gotOf({ status, body: data }, (name) => (headers[name] as string | undefined) ?? null, decode);
}

function gotOf(answer: Pick<Got, 'status' | 'body'>, header: Headers, decode: Decode): Got {
  const asked = header('payment-required');
  const refusal = asked === null ? null : decodePaymentRequiredHeader(asked).error;
  return { ...answer, settlement: settlementOf(header, decode), refusal: refusal ?? null };
}

function settlementOf(header: Headers, decode: Decode): Settlement | null {
  const told = header('payment-response') ?? header('x-payment-response');
  if (told !== null) return decode(told);
  const receipt = header('payment-receipt');
  if (receipt === null) return null;
  const { status, reference } = Receipt.deserialize(receipt);
  return { success: status === 'success', transaction: reference };
}
