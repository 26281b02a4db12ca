import { createHash } from 'node:crypto';

import { createEvent, digits, type QuittanceEvent } from '@quittance/events';
import { erc20AssetId, evmChainId } from '@quittance/money';

export const chainId = evmChainId(84532);
export const token = '0x036cbd53842c5426634e7929541ec2318f3dcf7e';
export const asset = erc20AssetId(chainId, token);
export const relayer = '0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266';
export const native = 'eip155:84532/slip44:60';

const hex = (text: string, bytes: number): `0x${string}` =>
  `0x${createHash('sha512')
    .update(text)
    .digest('hex')
    .slice(0, bytes * 2)}`;

const uuid = (text: string): string => {
  const digest = createHash('sha256').update(text).digest('hex');
  return `${digest.slice(0, 8)}-${digest.slice(8, 12)}-8${digest.slice(13, 16)}-8${digest.slice(17, 20)}-${digest.slice(20, 32)}`;
};

const fee = 85_672_000_000_000n;
const gasLimitDefault = 120_000n;
const gasPriceMaxDefault = 2_000_000_000n;

export type SamplePayment = {
  readonly name: string;
  readonly amount: bigint;
  readonly payTo?: string;
  readonly payer?: string;
};

/** Makes the events of one payment; the same calls give the same events. */
export class PaymentStory {
  readonly paymentId: string;
  private readonly fields;
  private seconds = 0;

  constructor(private readonly payment: SamplePayment) {
    this.paymentId = uuid(`payment ${payment.name}`);
    const payer = payment.payer ?? hex(`payer ${payment.name}`, 20);
    const payTo = payment.payTo ?? hex('the shop', 20);
    this.fields = { paymentId: this.paymentId, chainId, asset, payer, payTo, amount: digits(payment.amount) };
  }

  accepted(): QuittanceEvent {
    const { payer, payTo, amount } = this.fields;
    return createEvent({
      ...this.parts('accepted'),
      type: 'payment.accepted',
      data: {
        ...this.fields,
        x402Version: 2,
        scheme: 'exact',
        method: 'eip3009',
        resource: 'https://shop.example/weather\u0000',
        authorization: {
          from: payer,
          to: payTo,
          value: amount,
          validAfter: '0',
          validBefore: '1795032300',
          nonce: hex(this.payment.name, 32),
        },
        signature: `0x${'5e'.repeat(65)}`,
      },
    });
  }

  submitted(
    attempt = 1,
    gas: { limit?: bigint; priceMax?: bigint; relayerNonce?: bigint } = {},
  ): QuittanceEvent {
    return createEvent({
      ...this.parts(`submitted ${attempt}`),
      type: 'settlement.submitted',
      data: {
        ...this.fields,
        attempt,
        relayer,
        relayerNonce: digits(gas.relayerNonce ?? BigInt(attempt)),
        transaction: this.transaction(attempt),
        gasLimit: digits(gas.limit ?? gasLimitDefault),
        gasPriceMax: digits(gas.priceMax ?? gasPriceMaxDefault),
      },
    });
  }

  confirmed(
    by: 'us' | 'other',
    gas: { attempt?: number; outcome?: 'ok' | 'reverted'; fee?: bigint } | null = {},
  ): QuittanceEvent {
    const attempt = gas?.attempt ?? 1;
    return createEvent({
      ...this.parts(`confirmed ${by} ${gas === null ? 'without gas' : attempt}`),
      type: 'settlement.confirmed',
      data: {
        ...this.fields,
        transaction: by === 'us' ? this.transaction(attempt) : hex(`other ${this.payment.name}`, 32),
        block: this.block(),
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

  failed(gas: { attempt?: number; fee?: bigint } | null = {}): QuittanceEvent {
    const attempt = gas?.attempt ?? 1;
    return createEvent({
      ...this.parts(`failed ${gas === null ? 'without gas' : attempt}`),
      type: 'settlement.failed',
      data: {
        ...this.fields,
        reason: 'insufficient_funds',
        detail: 'The transaction was mined and reverted.',
        authorizationSpent: false,
        transaction: gas === null ? null : this.transaction(attempt),
        block: gas === null ? null : this.block(),
        gas: gas === null ? null : { ...this.gas(attempt), outcome: 'reverted', fee: digits(gas.fee ?? fee) },
      },
    });
  }

  expired(): QuittanceEvent {
    const data = { ...this.fields, validBefore: '1795032300', block: this.block() };
    return createEvent({ ...this.parts('expired'), type: 'payment.expired', data });
  }

  transaction(attempt: number): `0x${string}` {
    return hex(`transaction ${this.payment.name} ${attempt}`, 32);
  }

  get payer(): string {
    return this.fields.payer;
  }

  get payTo(): string {
    return this.fields.payTo;
  }

  private gas(attempt: number): {
    attempt: number;
    relayer: typeof relayer;
    gasUsed: string;
    gasPrice: string;
  } {
    return { attempt, relayer, gasUsed: '85672', gasPrice: '1000000000' };
  }

  private block(): { number: string; hash: `0x${string}`; time: string } {
    return { number: '1234567', hash: hex('block', 32), time: '1795032000' };
  }

  private parts(what: string): { id: string; occurredAt: Date; causationId: null } {
    this.seconds += 1;
    const occurredAt = new Date(Date.UTC(2026, 10, 20, 12, 0, this.seconds));
    return { id: uuid(`event ${this.payment.name} ${what}`), occurredAt, causationId: null };
  }
}
