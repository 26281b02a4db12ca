import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';

import { x402Facilitator } from '@x402/core/facilitator';
import type { PaymentPayload, PaymentRequirements } from '@x402/core/types';
import { toFacilitatorEvmSigner } from '@x402/evm';
import { registerExactEvmScheme } from '@x402/evm/exact/facilitator';
import { createWalletClient, defineChain, type Hex, http, nonceManager, publicActions } from 'viem';
import { privateKeyToAccount } from 'viem/accounts';

/**
 * The reference facilitator, a process of its own: `@x402/core` and `@x402/evm` as their own example puts them
 * together, on the barest HTTP server there is, so that nothing but theirs is measured.
 */
const pollingIntervalMs = 50;

const { RPC_URL: rpcUrl, CHAIN_ID: chainId, RELAYER_PRIVATE_KEY: key, PORT: port } = process.env;
if (rpcUrl === undefined || chainId === undefined || key === undefined)
  throw new TypeError('RPC_URL, CHAIN_ID and RELAYER_PRIVATE_KEY must be set');

const account = privateKeyToAccount(key as Hex, { nonceManager });
const chain = defineChain({
  id: Number(chainId),
  name: 'bench',
  nativeCurrency: { name: 'Ether', symbol: 'ETH', decimals: 18 },
  rpcUrls: { default: { http: [rpcUrl] } },
});
const client = createWalletClient({
  account,
  chain,
  transport: http(rpcUrl),
  pollingInterval: pollingIntervalMs,
}).extend(publicActions);
const signer = toFacilitatorEvmSigner({
  address: account.address,
  readContract: async (args) => client.readContract({ ...args, args: args.args ?? [] }),
  verifyTypedData: async (args) => client.verifyTypedData(args as never),
  writeContract: async (args) => client.writeContract(args as never),
  sendTransaction: async (args) => client.sendTransaction(args as never),
  waitForTransactionReceipt: async (args) => client.waitForTransactionReceipt(args),
  getCode: async (args) => client.getCode(args),
});
const facilitator = registerExactEvmScheme(new x402Facilitator(), {
  signer,
  networks: `eip155:${Number(chainId)}`,
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
