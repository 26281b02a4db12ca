import {
  type BlockRef,
  type ChainEvent,
  createEvent,
  digits,
  type EventOf,
  type PaymentEvent,
} from '@quittance/events';
import { erc20AssetId, evmChainId } from '@quittance/money';

import { hexOf, uuidOf } from './made-up.js';

export const chainId = evmChainId(84532);
export const token = '0x036cbd53842c5426634e7929541ec2318f3dcf7e';
export const asset = erc20AssetId(chainId, token);
export const relayer = '0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266';
export const native = 'eip155:84532/slip44:60';

const fee = 85_672_000_000_000n;
const gasLimitDefault = 120_000n;
const gasPriceMaxDefault = 2_000_000_000n;
const reserveDefault = gasLimitDefault * gasPriceMaxDefault;

export const blockNamed = (name: string): BlockRef => ({
  number: '1234567',
  hash: hexOf(name, 32),
  time: '1795032000',
});

const chainParts = (what: string): { id: string; occurredAt: Date; causationId: null } => ({
  id: uuidOf(`event ${what}`),
  occurredAt: new Date(Date.UTC(2026, 10, 20, 12)),
  causationId: null,
});

/** A transaction without payments was mined; `takesBack` names the one that it says was not. */
export const filled = (
  name: string,
  cost: bigint,
  {
    takesBack = null,
    topUp,
    by = relayer,
  }: {
    readonly takesBack?: EventOf<'settlement.filled'> | null;
    readonly topUp?: bigint;
    readonly by?: string;
  } = {},
): EventOf<'settlement.filled'> =>
  createEvent({
    ...chainParts(`filled ${name}`),
    type: 'settlement.filled',
    data: {
      chainId,
      relayer: by,
      relayerNonce: '9',
      transaction: hexOf(`filler ${name}`, 32),
      block: blockNamed(name),
      gasUsed: '21000',
      gasPrice: '1000000000',
      fee: digits(cost),
      takesBack: takesBack?.id ?? null,
      ...(topUp === undefined
        ? {}
        : { topUp: { paymentId: uuidOf(name), account: hexOf(`payer ${name}`, 20), amount: digits(topUp) } }),
    },
  });

/** Everything up to a block is final. */
export const finalized = (block: bigint, name = '', at?: Date): EventOf<'settlement.finalized'> =>
  createEvent({
    ...chainParts(`finalized ${block} ${name}`),
    ...(at === undefined ? {} : { occurredAt: at }),
    type: 'settlement.finalized',
    data: { chainId, block: { ...blockNamed(`${block}`), number: digits(block) } },
  });

/** The chain takes no payments for now, and does again. */
export const suspensions = (): readonly ChainEvent[] => [
  createEvent({
    ...chainParts('suspended'),
    type: 'settlement.suspended',
    data: { chainId, reason: 'relayers_unfunded', detail: 'No relayer has funds.' },
  }),
  createEvent({ ...chainParts('resumed'), type: 'settlement.resumed', data: { chainId } }),
];

export type SamplePayment = {
  readonly name: string;
  readonly amount: bigint;
  readonly payTo?: string;
  readonly payer?: string;
  /** By upto: the most that the payer signs for. */
  readonly ceiling?: bigint;
  readonly relayer?: string;
  /** When its first event happens. */
  readonly startsAt?: Date;
};

/** Makes the events of one payment; the same calls give the same events. */
export class PaymentStory {
  readonly paymentId: string;
  private readonly fields;
  private seconds = 0;

  constructor(private readonly payment: SamplePayment) {
    this.paymentId = uuidOf(`payment ${payment.name}`);
    const payer = payment.payer ?? hexOf(`payer ${payment.name}`, 20);
    const payTo = payment.payTo ?? hexOf('the shop', 20);
    this.fields = { paymentId: this.paymentId, chainId, asset, payer, payTo, amount: digits(payment.amount) };
  }

  accepted(): PaymentEvent {
    const { payer, payTo, amount } = this.fields;
    const { ceiling } = this.payment;
    const isUpto = ceiling !== undefined;
    return createEvent({
      ...this.parts('accepted'),
      type: 'payment.accepted',
      data: {
        ...this.fields,
        x402Version: 2,
        scheme: isUpto ? 'upto' : 'exact',
        method: isUpto ? 'permit2' : 'eip3009',
        ...(isUpto ? { facilitator: this.relayer } : {}),
        resource: 'https://shop.example/weather\u0000',
        authorization: {
          from: payer,
          to: payTo,
          value: isUpto ? digits(ceiling) : amount,
          validAfter: '0',
          validBefore: '1795032300',
          nonce: hexOf(this.payment.name, 32),
        },
        signature: `0x${'5e'.repeat(65)}`,
      },
    });
  }

  submitted(
    attempt = 1,
    gas: { reserve?: bigint; relayerNonce?: bigint; batchSize?: number } = {},
  ): PaymentEvent {
    return createEvent({
      ...this.parts(`submitted ${attempt}`),
      type: 'settlement.submitted',
      data: {
        ...this.fields,
        attempt,
        relayer: this.relayer,
        relayerNonce: digits(gas.relayerNonce ?? BigInt(attempt)),
        transaction: this.transaction(attempt),
        batchSize: gas.batchSize ?? 1,
        // Of the whole transaction: the books take this payment's part as they are told it.
        gasLimit: digits(gasLimitDefault * BigInt(gas.batchSize ?? 1)),
        gasPriceMax: digits(gasPriceMaxDefault),
        gasReserve: digits(gas.reserve ?? reserveDefault),
      },
    });
  }

  replaced(attempt: number, version: number, reserve: bigint): PaymentEvent {
    return createEvent({
      ...this.parts(`replaced ${attempt} ${version}`),
      type: 'settlement.replaced',
      data: {
        ...this.fields,
        attempt,
        version,
        transaction: this.transaction(attempt, version),
        replaces: this.transaction(attempt, version - 1),
        gasPriceMax: digits(gasPriceMaxDefault),
        gasReserve: digits(reserve),
      },
    });
  }

  released(
    attempt: number,
    cause: EventOf<'settlement.released'>['data']['cause'],
    { block = 'block', fee: cost = fee }: { block?: string; fee?: bigint } = {},
  ): PaymentEvent {
    const isMined = cause !== 'displaced';
    return createEvent({
      ...this.parts(`released ${attempt} ${cause} ${block}`),
      type: 'settlement.released',
      data: {
        ...this.fields,
        attempt,
        cause,
        transaction: this.transaction(attempt),
        block: isMined ? this.block(block) : null,
        gas: isMined ? { ...this.gas(attempt), outcome: cause, fee: digits(cost) } : null,
      },
    });
  }

  /** The block of an earlier event left the chain, at a moment if it is told. */
  reorged({ id, data }: PaymentEvent, at?: Date): EventOf<'settlement.reorged'> {
    const parts = this.parts(`reorged ${id}`);
    return createEvent({
      ...parts,
      occurredAt: at ?? parts.occurredAt,
      type: 'settlement.reorged',
      data: {
        ...this.fields,
        takesBack: id,
        transaction: 'transaction' in data ? (data.transaction ?? this.transaction(1)) : this.transaction(1),
        block: this.block(),
      },
    });
  }

  confirmed(
    by: 'us' | 'other',
    gas: { attempt?: number; outcome?: 'ok' | 'reverted'; fee?: bigint } | null = {},
    block = 'block',
  ): PaymentEvent {
    const attempt = gas?.attempt ?? 1;
    return createEvent({
      ...this.parts(`confirmed ${by} ${gas === null ? 'without gas' : attempt} ${block}`),
      type: 'settlement.confirmed',
      data: {
        ...this.fields,
        transaction: by === 'us' ? this.transaction(attempt) : hexOf(`other ${this.payment.name}`, 32),
        block: this.block(block),
        logIndex: 3,
        settledBy: by,
        gas:
          gas === null
            ? null
            : {
                ...this.gas(attempt),
                outcome: gas.outcome ?? (by === 'us' ? 'ok' : 'reverted'),
                fee: digits(gas.fee ?? fee),
              },
      },
    });
  }

  failed(gas: { attempt?: number; fee?: bigint } | null = {}, block = 'block'): PaymentEvent {
    const attempt = gas?.attempt ?? 1;
    return createEvent({
      ...this.parts(`failed ${gas === null ? 'without gas' : attempt} ${block}`),
      type: 'settlement.failed',
      data: {
        ...this.fields,
        reason: 'insufficient_funds',
        detail: 'The transaction was mined and reverted.',
        authorizationSpent: false,
        transaction: gas === null ? null : this.transaction(attempt),
        block: gas === null ? null : this.block(block),
        gas: gas === null ? null : { ...this.gas(attempt), outcome: 'reverted', fee: digits(gas.fee ?? fee) },
      },
    });
  }

  expired(): PaymentEvent {
    const data = { ...this.fields, validBefore: '1795032300', block: this.block() };
    return createEvent({ ...this.parts('expired'), type: 'payment.expired', data });
  }

  transaction(attempt: number, version = 1): `0x${string}` {
    return hexOf(`transaction ${this.payment.name} ${attempt}${version === 1 ? '' : ` ${version}`}`, 32);
  }

  get relayer(): string {
    return this.payment.relayer ?? relayer;
  }

  get payer(): string {
    return this.fields.payer;
  }

  get payTo(): string {
    return this.fields.payTo;
  }

  private gas(attempt: number): {
    attempt: number;
    relayer: string;
    gasUsed: string;
    gasPrice: string;
    l1Fee: string;
  } {
    return { attempt, relayer: this.relayer, gasUsed: '85672', gasPrice: '1000000000', l1Fee: '0' };
  }

  private block(name = 'block'): BlockRef {
    return blockNamed(name);
  }

  private parts(what: string): { id: string; occurredAt: Date; causationId: null } {
    this.seconds += 1;
    const start = this.payment.startsAt?.getTime() ?? Date.UTC(2026, 10, 20, 12);
    const occurredAt = new Date(start + this.seconds * 1_000);
    return { id: uuidOf(`event ${this.payment.name} ${what}`), occurredAt, causationId: null };
  }
}
