import { x402Client } from '@x402/core/client';
import { x402Facilitator } from '@x402/core/facilitator';
import type { PaymentPayload, PaymentRequirements } from '@x402/core/types';
import { toClientEvmSigner, toFacilitatorEvmSigner } from '@x402/evm';
import { ExactEvmScheme as ExactClient } from '@x402/evm/exact/client';
import { registerExactEvmScheme } from '@x402/evm/exact/facilitator';
import { UptoEvmScheme as UptoClient } from '@x402/evm/upto/client';
import { UptoEvmScheme as UptoFacilitator } from '@x402/evm/upto/facilitator';
import {
  type Address,
  createPublicClient,
  createWalletClient,
  defineChain,
  type Hex,
  http,
  nonceManager,
  parseTransaction,
  publicActions,
  recoverTransactionAddress,
  type TransactionSerializedEIP1559,
} from 'viem';
import { privateKeyToAccount } from 'viem/accounts';

export type ReferenceOptions = {
  readonly rpcUrl: string;
  readonly chainId: number;
  readonly relayerKey: Hex;
  /** Factories it may deploy wallets by (ERC-6492). */
  readonly factories?: readonly Address[];
  /** How often it looks whether a transaction is mined; default often, for tests. */
  readonly pollingIntervalMs?: number;
};

/** What a payer signs with: an account, or what signs for a wallet. */
export type ReferenceSigner = Parameters<typeof toClientEvmSigner>[0];

export type SponsoringName = 'eip2612GasSponsoring' | 'erc20ApprovalGasSponsoring';

type Transaction = Hex | { readonly to: Address; readonly data: Hex; readonly gas?: bigint };

const pollingIntervalDefaultMs = 20;

function chainAt(rpcUrl: string, chainId: number) {
  return defineChain({
    id: chainId,
    name: 'dev',
    nativeCurrency: { name: 'Ether', symbol: 'ETH', decimals: 18 },
    rpcUrls: { default: { http: [rpcUrl] } },
  });
}

/** The published facilitator of `@x402/core` and `@x402/evm`: exact and upto, with both kinds of gas sponsoring. */
export function referenceFacilitator(options: ReferenceOptions): x402Facilitator {
  const { rpcUrl, chainId, relayerKey, factories = [] } = options;
  const { pollingIntervalMs = pollingIntervalDefaultMs } = options;
  const account = privateKeyToAccount(relayerKey, { nonceManager });
  const client = createWalletClient({
    account,
    chain: chainAt(rpcUrl, chainId),
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
  // Who sponsors an approval pays the gas of it: its sender has none.
  const sendOne = async (transaction: Transaction): Promise<Hex> => {
    if (typeof transaction !== 'string') return client.sendTransaction(transaction);
    const serializedTransaction = transaction as TransactionSerializedEIP1559;
    const { gas = 0n, maxFeePerGas = 0n } = parseTransaction(serializedTransaction);
    const to = await recoverTransactionAddress({ serializedTransaction });
    const topUp = await client.sendTransaction({ to, value: gas * maxFeePerGas });
    await client.waitForTransactionReceipt({ hash: topUp });
    return client.sendRawTransaction({ serializedTransaction });
  };
  const sendTransactions = async (transactions: readonly Transaction[]): Promise<Hex[]> => {
    const hashes: Hex[] = [];
    for (const transaction of transactions) {
      const hash = await sendOne(transaction);
      await client.waitForTransactionReceipt({ hash });
      hashes.push(hash);
    }
    return hashes;
  };

  const network = `eip155:${chainId}` as const;
  const facilitator = registerExactEvmScheme(new x402Facilitator(), {
    signer,
    networks: network,
    eip6492AllowedFactories: [...factories],
  });
  facilitator.register(network, new UptoFacilitator(signer));
  facilitator.registerExtension({ key: 'eip2612GasSponsoring' });
  const withSponsoring = { key: 'erc20ApprovalGasSponsoring', signer: { ...signer, sendTransactions } };
  facilitator.registerExtension(withSponsoring);
  return facilitator;
}

export type Offer = {
  readonly requirements: PaymentRequirements;
  readonly sponsoring?: readonly SponsoringName[];
};

/** Pays by the published client of `@x402/core` and `@x402/evm`. */
export async function referencePayment(
  signer: ReferenceSigner,
  { rpcUrl, chainId }: Pick<ReferenceOptions, 'rpcUrl' | 'chainId'>,
  { requirements, sponsoring = [] }: Offer,
): Promise<PaymentPayload> {
  const reader = createPublicClient({ chain: chainAt(rpcUrl, chainId), transport: http(rpcUrl) });
  const evmSigner = toClientEvmSigner(signer, {
    readContract: async (args) => reader.readContract({ ...args, args: args.args ?? [] }),
    getTransactionCount: async (args) => reader.getTransactionCount(args),
    estimateFeesPerGas: async () => reader.estimateFeesPerGas(),
  });
  const client = new x402Client()
    .register(requirements.network, new ExactClient(evmSigner))
    .register(requirements.network, new UptoClient(evmSigner))
    .setSpendControls(false);
  const extensions = Object.fromEntries(
    sponsoring.map((name) => [name, { info: { description: name, version: '1' }, schema: {} }]),
  );
  return client.createPaymentPayload({
    x402Version: 2,
    resource: { url: 'https://shop.example/weather' },
    accepts: [requirements],
    extensions,
  });
}
