import type { ChainId } from '@quittance/money';
import { crashPoint } from '@quittance/observability';
import { fingerprintOf, type PaymentId, type PaymentRequest, type Refusal } from '@quittance/protocol';

import {
  type BalanceBlock,
  isDecided,
  type Payment,
  type PaymentTerms,
  storableResource,
} from '../payment/payment.js';
import { present, type Presentation } from '../verify/presentation.js';
import { assess, balanceBlock, shortfall, type VerifyPorts, withLanded } from '../verify/verify.js';
import { type SettleStanding, standingOf } from './outcome.js';

export type Reservation = {
  readonly terms: PaymentTerms;
  readonly signature: string;
  readonly balance: bigint;
  /** The block that the balance was read at. */
  readonly at: BalanceBlock;
};

export type Reserved =
  | { readonly outcome: 'reserved' }
  /** Somebody was first; `find` gives it. */
  | { readonly outcome: 'exists' }
  | { readonly outcome: 'short'; readonly inFlight: bigint };

export type SettlePorts = VerifyPorts & {
  readonly registry: VerifyPorts['registry'] & {
    /** In one transaction: the payment, unless its identity is taken or the payer cannot cover it, and its event. */
    reserve(reservation: Reservation): Promise<Reserved>;
  };
  readonly waiter: {
    /** Waits until the payment is decided or the time is up; gives it as it then is. */
    wait(id: PaymentId): Promise<Payment>;
    /** Listens from now on, for a payment that is about to be reserved: its outcome may come before we know that it is. */
    expect(id: PaymentId): ExpectedPayment;
  };
  readonly intake: VerifyPorts['intake'] & {
    /** Throws a fault when the chain takes nothing on now, or has enough to do. */
    enter(chainId: ChainId): Place;
  };
  /** Throws a fault when events could not travel: a payment that nobody would hear of must not be promised. */
  readonly transport: { requireAvailable(): void };
};

type Place = { leave(kept: boolean): void };

/** Either waited for or dropped, once. */
export type ExpectedPayment = { wait(): Promise<Payment>; drop(): void };

export type SettleResult = SettleStanding & { readonly payer?: string; readonly paymentId?: PaymentId };

type Settling = {
  readonly presented: Presentation;
  readonly fingerprint: string;
  readonly request: PaymentRequest;
};

/** One that has a place in the queue, while the registry still looks whether it is known. */
type Entered = Settling & { readonly looking: Promise<Payment | null>; readonly place: Place };

/**
 * Settles a payment: once, whoever asks how often, on whichever replica. Verifies in full by itself, for a seller
 * may never have asked `/verify`. Faults throw before anything is reserved.
 */
export async function settle(request: PaymentRequest, ports: SettlePorts): Promise<SettleResult> {
  const presented = present(request, ports.chains);
  if (!presented.ok) return { ...refused(presented) };
  const settling: Settling = { presented, fingerprint: fingerprintOf(request), request };
  const standing = await standingOfSettling(settling, ports);
  return { ...standing, payer: presented.payerAsWritten, paymentId: presented.id };
}

async function standingOfSettling(settling: Settling, ports: SettlePorts): Promise<SettleStanding> {
  const { id, chain } = settling.presented;
  const looking = heardOf(ports.registry.find(id));
  let place: Place;
  try {
    place = placeFor(chain.chainId, ports);
  } catch (fault) {
    // What is known already takes no place, and has its answer whatever is down.
    const known = await looking;
    if (known === null) throw fault;
    return join(known, settling, ports);
  }
  return settleInPlace({ ...settling, looking, place }, ports);
}

/** A place in the chain's queue; throws the fault for which nothing new can be taken on. */
function placeFor(chainId: ChainId, { transport, intake }: SettlePorts): Place {
  transport.requireAvailable();
  return intake.enter(chainId);
}

async function settleInPlace(settling: Entered, ports: SettlePorts): Promise<SettleStanding> {
  const { presented, place } = settling;
  const expected = ports.waiter.expect(presented.id);
  let tried: Tried | undefined;
  try {
    tried = await tryToReserve(settling, ports);
  } finally {
    place.leave(tried?.outcome === 'reserved');
    if (tried?.outcome !== 'reserved') expected.drop();
  }
  switch (tried.outcome) {
    case 'known':
      return join(tried.payment, settling, ports);
    case 'reserved':
      crashPoint('facilitator.reserved');
      return standingOf(await expected.wait());
    case 'exists':
      return (await joinWinner(settling, ports)) ?? refused(vanished);
    case 'refused':
      return (tried.isFinal ? undefined : await joinWinner(settling, ports)) ?? refused(tried.refusal);
  }
}

type Tried =
  | { readonly outcome: 'known'; readonly payment: Payment }
  | { readonly outcome: 'reserved' | 'exists' }
  /** `isFinal`: the registry itself refused, so that no identical request can have won. */
  | { readonly outcome: 'refused'; readonly refusal: Refusal; readonly isFinal: boolean };

/** Asks the chain while the registry is still looking: mostly nothing is known, and both answers are needed. */
async function tryToReserve(settling: Entered, ports: SettlePorts): Promise<Tried> {
  const assessing = heardOf(assess(settling.presented, ports));
  const known = await settling.looking;
  if (known !== null) return { outcome: 'known', payment: known };
  const assessed = await assessing;
  if (!assessed.ok) return { outcome: 'refused', refusal: assessed, isFinal: false };
  const balance = assessed.facts.balance ?? 0n;
  const { payment } = assessed;
  const reserveAt = async (at: BalanceBlock): Promise<Reserved> =>
    ports.registry.reserve({ terms: termsOf(settling), signature: payment.signature, balance, at });
  const at = balanceBlock(assessed.facts);
  const first = await reserveAt(at);
  const reserved =
    first.outcome === 'short' ? await reserveAt(await withLanded(at, settling.presented, ports)) : first;
  if (reserved.outcome !== 'short') return reserved;
  const short = shortfall({ balance, inFlight: reserved.inFlight, amount: payment.value });
  return { outcome: 'refused', refusal: short ?? vanished, isFinal: true };
}

/** Its fault is told to who awaits it; until somebody does, or if nobody will, it is no unhandled one. */
function heardOf<Answer>(asked: Promise<Answer>): Promise<Answer> {
  asked.catch(() => undefined);
  return asked;
}

/** An identical request may have won while we asked the chain: then its outcome is the answer, and not what it changed. */
async function joinWinner(settling: Settling, ports: SettlePorts): Promise<SettleStanding | undefined> {
  const winner = await ports.registry.find(settling.presented.id);
  return winner === null ? undefined : join(winner, settling, ports);
}

async function join(
  payment: Payment,
  { fingerprint }: Settling,
  ports: SettlePorts,
): Promise<SettleStanding> {
  if (payment.fingerprint !== fingerprint) return refused(conflict);
  return standingOf(isDecided(payment) ? payment : await ports.waiter.wait(payment.id));
}

function termsOf({ presented, fingerprint, request }: Settling): PaymentTerms {
  const { payment, id } = presented;
  return {
    id,
    chainId: payment.chainId,
    asset: payment.asset,
    payer: payment.payer,
    nonce: payment.nonce,
    payTo: payment.payTo,
    amount: payment.value,
    validAfter: payment.validAfter,
    validBefore: payment.validBefore,
    x402Version: request.x402Version,
    networkAsWritten: request.networkAsWritten,
    scheme: request.scheme,
    resource: storableResource(request.resource),
    fingerprint,
  };
}

function refused({ reason, message }: Refusal): SettleStanding {
  return { kind: 'known', outcome: { success: false, reason, message, transaction: '' } };
}

const conflict: Refusal = {
  reason: 'authorization_conflict',
  message:
    'This authorization was settled before with another request around it: sign a new one with another nonce.',
};

/** The registry contradicted itself: said taken or short, and then not. */
const vanished: Refusal = {
  reason: 'unexpected_settle_error',
  message: 'The payment could not be reserved: send the same request again.',
};
