import { devTokenAbi, devUsdc, mintDevToken } from '@quittance/embedded';
import { createEvent, digits, type PaymentEvent, type QuittanceEvent } from '@quittance/events';
import { erc20AssetId, evmChainId } from '@quittance/money';
import { type Anvil, startAnvil } from '@quittance/testing';
import {
  type Address,
  createTestClient,
  encodeFunctionData,
  type Hex,
  http,
  parseAbi,
  type PublicActions,
  publicActions,
  type TestClient,
  type TransactionReceipt,
  type WalletActions,
  walletActions,
} from 'viem';
import { generatePrivateKey, type PrivateKeyAccount, privateKeyToAccount } from 'viem/accounts';

import { uuidOf } from './made-up.js';

export const chainId = evmChainId(84_532);
export const usdc = devUsdc.address.toLowerCase() as Address;
export const asset = erc20AssetId(chainId, usdc);

const farFuture = 4_000_000_000n;
const gasLimit = 300_000n;
const authorizationUsed = '0x98de503528ee59b575ef0c0a2576a82497bfc029a5685b209e9ec333479b10a5';
const types = {
  TransferWithAuthorization: [
    { name: 'from', type: 'address' },
    { name: 'to', type: 'address' },
    { name: 'value', type: 'uint256' },
    { name: 'validAfter', type: 'uint256' },
    { name: 'validBefore', type: 'uint256' },
    { name: 'nonce', type: 'bytes32' },
  ],
} as const;

const lower = (text: string): Address => text.toLowerCase() as Address;

export type Terms = {
  readonly payer: PrivateKeyAccount;
  readonly payTo: Address;
  readonly amount: bigint;
  /** Who sends it; the relayer unless told. */
  readonly sender?: PrivateKeyAccount;
};

/** A payment that was settled on the chain, and what the settlement service says of it. */
export type ChainPayment = {
  readonly paymentId: string;
  readonly raw: Hex;
  readonly receipt: TransactionReceipt;
  readonly accepted: PaymentEvent;
  readonly confirmed: PaymentEvent;
  readonly events: readonly QuittanceEvent[];
};

/** A chain with payments on it, each with the events that tell of it: what a settlement service would say. */
export class ChainPayments {
  private constructor(
    readonly anvil: Anvil,
    readonly client: ChainClient,
    readonly relayer: PrivateKeyAccount,
    readonly others: readonly PrivateKeyAccount[],
  ) {}

  static async start(): Promise<ChainPayments> {
    const anvil = await startAnvil();
    const [relayer, ...others] = anvil.accounts.map(({ privateKey }) => privateKeyToAccount(privateKey));
    if (relayer === undefined) throw new RangeError('anvil has no accounts');
    return new ChainPayments(anvil, connect(anvil.rpcUrl), relayer, others);
  }

  async newPayer(amount: bigint): Promise<PrivateKeyAccount> {
    const payer = privateKeyToAccount(generatePrivateKey());
    await mintDevToken(this.anvil.rpcUrl, { token: devUsdc.address, to: payer.address, amount });
    return payer;
  }

  /** Settles a payment, and gives what is to be told of it. */
  async pay(terms: Terms): Promise<ChainPayment> {
    const nonce = generatePrivateKey();
    const { payer, payTo, amount, sender = this.relayer } = terms;
    const message = {
      from: payer.address,
      to: payTo,
      value: amount,
      validAfter: 0n,
      validBefore: farFuture,
      nonce,
    };
    const signature = await payer.signTypedData({
      domain: {
        name: devUsdc.name,
        version: devUsdc.version,
        chainId: 84_532,
        verifyingContract: devUsdc.address,
      },
      types,
      primaryType: 'TransferWithAuthorization',
      message,
    });
    const data = encodeFunctionData({
      abi: devTokenAbi,
      functionName: 'transferWithAuthorization',
      args: [payer.address, payTo, amount, 0n, farFuture, nonce, signature],
    });
    const { raw, receipt } = await this.send({ to: devUsdc.address, data }, sender);
    return this.told({ terms, nonce, raw, receipt });
  }

  /** What was said of a payment, told of the block in which its transaction is now. */
  async toldAgain(
    payment: ChainPayment,
  ): Promise<{ readonly reorged: PaymentEvent; readonly confirmed: PaymentEvent }> {
    const { confirmed } = payment;
    const receipt = await this.client.getTransactionReceipt({ hash: payment.receipt.transactionHash });
    return {
      reorged: this.reorged(payment),
      confirmed: await this.confirmation(fieldsOf(confirmed), receipt, lower(receipt.from)),
    };
  }

  reorged({ confirmed, receipt }: ChainPayment): PaymentEvent {
    return createEvent({
      id: uuidOf(`reorged ${confirmed.id}`),
      occurredAt: new Date(),
      causationId: null,
      type: 'settlement.reorged',
      data: {
        ...fieldsOf(confirmed),
        takesBack: confirmed.id,
        transaction: receipt.transactionHash,
        block: { number: digits(receipt.blockNumber), hash: receipt.blockHash, time: '1' },
      },
    });
  }

  async send(
    call: { readonly to: Address; readonly data?: Hex; readonly value?: bigint },
    sender: PrivateKeyAccount,
  ): Promise<{ readonly raw: Hex; readonly receipt: TransactionReceipt }> {
    const request = await this.client.prepareTransactionRequest({
      ...call,
      account: sender,
      chain: null,
      gas: gasLimit,
    });
    const raw = await sender.signTransaction(request as never);
    const hash = await this.client.sendRawTransaction({ serializedTransaction: raw });
    return { raw, receipt: await this.client.waitForTransactionReceipt({ hash }) };
  }

  /** A plain transfer of the token, by its holder. */
  async transfer(from: PrivateKeyAccount, to: Address, amount: bigint): Promise<TransactionReceipt> {
    await this.client.setBalance({ address: from.address, value: 10n ** 18n });
    const abi = parseAbi(['function transfer(address to, uint256 value) returns (bool)']);
    const data = encodeFunctionData({ abi, functionName: 'transfer', args: [to, amount] });
    return (await this.send({ to: devUsdc.address, data }, from)).receipt;
  }

  async tokenBalance(account: Address): Promise<bigint> {
    return this.client.readContract({
      address: devUsdc.address,
      abi: devTokenAbi,
      functionName: 'balanceOf',
      args: [account],
    });
  }

  private async told({
    terms,
    nonce,
    raw,
    receipt,
  }: {
    readonly terms: Terms;
    readonly nonce: Hex;
    readonly raw: Hex;
    readonly receipt: TransactionReceipt;
  }): Promise<ChainPayment> {
    const { payer, payTo, amount } = terms;
    const paymentId = uuidOf(`${payer.address} ${nonce}`);
    const fields = {
      paymentId,
      chainId,
      asset,
      payer: lower(payer.address),
      payTo: lower(payTo),
      amount: digits(amount),
    };
    const accepted = acceptance(fields, nonce);
    const relayer = lower(this.relayer.address);
    const submitted = createEvent({
      id: uuidOf(`submitted ${paymentId}`),
      occurredAt: new Date(),
      causationId: null,
      type: 'settlement.submitted',
      data: {
        ...fields,
        attempt: 1,
        relayer,
        relayerNonce: '1',
        transaction: receipt.transactionHash,
        batchSize: 1,
        gasLimit: digits(gasLimit),
        gasPriceMax: '2000000000',
        gasReserve: digits(gasLimit * 2_000_000_000n),
      },
    });
    const isOurs = lower(receipt.from) === relayer;
    const confirmed = await this.confirmation(fields, receipt, isOurs ? relayer : null);
    const events = isOurs ? [accepted, submitted, confirmed] : [accepted, confirmed];
    return { paymentId, raw, receipt, accepted, confirmed, events };
  }

  private async confirmation(
    fields: Fields,
    receipt: TransactionReceipt,
    relayer: Address | null,
  ): Promise<PaymentEvent> {
    const { timestamp } = await this.client.getBlock({ blockHash: receipt.blockHash });
    const log = receipt.logs.find(({ topics }) => topics[0] === authorizationUsed);
    if (log === undefined) throw new RangeError('the transaction used no authorization');
    const gas = { attempt: 1, outcome: 'ok' as const, gasUsed: digits(receipt.gasUsed), l1Fee: '0' };
    return createEvent({
      id: uuidOf(`confirmed ${fields.paymentId} ${receipt.blockHash}`),
      occurredAt: new Date(),
      causationId: null,
      type: 'settlement.confirmed',
      data: {
        ...fields,
        transaction: receipt.transactionHash,
        block: { number: digits(receipt.blockNumber), hash: receipt.blockHash, time: digits(timestamp) },
        logIndex: log.logIndex,
        settledBy: relayer === null ? 'other' : 'us',
        gas:
          relayer === null
            ? null
            : {
                ...gas,
                relayer,
                gasPrice: digits(receipt.effectiveGasPrice),
                fee: digits(receipt.gasUsed * receipt.effectiveGasPrice),
              },
      },
    });
  }
}

type Fields = {
  readonly paymentId: string;
  readonly chainId: typeof chainId;
  readonly asset: typeof asset;
  readonly payer: Address;
  readonly payTo: Address;
  readonly amount: string;
};

function fieldsOf({ data }: PaymentEvent): Fields {
  const { paymentId, payer, payTo, amount } = data;
  return { paymentId, chainId, asset, payer, payTo, amount };
}

function acceptance(fields: Fields, nonce: Hex): PaymentEvent {
  const { payer, payTo, amount } = fields;
  return createEvent({
    id: uuidOf(`accepted ${fields.paymentId}`),
    occurredAt: new Date(),
    causationId: null,
    type: 'payment.accepted',
    data: {
      ...fields,
      x402Version: 2,
      scheme: 'exact',
      method: 'eip3009',
      // What a payer wrote: no json of the database's takes it.
      resource: 'https://shop.example/weather\u0000',
      authorization: {
        from: payer,
        to: payTo,
        value: amount,
        validAfter: '0',
        validBefore: digits(farFuture),
        nonce,
      },
      signature: `0x${'5e'.repeat(65)}`,
    },
  });
}

type ChainClient = TestClient<'anvil'> & PublicActions & WalletActions;

function connect(rpcUrl: string): ChainClient {
  return createTestClient({ mode: 'anvil', transport: http(rpcUrl), cacheTime: 0, pollingInterval: 5 })
    .extend(publicActions)
    .extend(walletActions);
}
