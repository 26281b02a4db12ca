import type { ChainId } from '@quittance/money';
import { crashPoint } from '@quittance/observability';
import { fingerprintOf, type PaymentId, type PaymentRequest, type Refusal } from '@quittance/protocol';

import { type IdentifierKey, takeIdentifier } from '../identifier/payment-identifier.js';
import type { Place } from '../intake/intake.js';
import { type BalanceBlock, isDecided, type Payment, type PaymentTerms } from '../payment/payment.js';
import type { Authority } from '../payment/payment-event.js';
import { type VerdictRecord, verdictRecord } from '../verdict/verdict-record.js';
import { present, type Presentation } from '../verify/presentation.js';
import {
  type Assessed,
  assess,
  balanceBlock,
  isOfMoney,
  shortfall,
  type VerifyPorts,
  withLanded,
} from '../verify/verify.js';
import { type SettleStanding, standingOf } from './outcome.js';
import { termsOf } from './terms.js';

export type Reservation = {
  readonly terms: PaymentTerms;
  readonly authority: Authority;
  readonly balance: bigint;
  /** The block that the balance was read at. */
  readonly at: BalanceBlock;
  /** That the payment is good: kept with it. */
  readonly verdict: VerdictRecord;
  /** The id that its payer gave it. */
  readonly identifier: IdentifierKey | null;
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

/** Either waited for or dropped, once. */
export type ExpectedPayment = { wait(): Promise<Payment>; drop(): void };

export type SettleResult = SettleStanding & { readonly payer?: string; readonly paymentId?: PaymentId };

type Settling = {
  readonly presented: Presentation;
  readonly fingerprint: string;
  readonly request: PaymentRequest;
  readonly identifier: IdentifierKey | null;
};

/** One that has a place in the queue, while the registry still looks whether it is known. */
type Entered = Settling & { readonly looking: Promise<Payment | null>; readonly place: Place };

/** What a payment that is refused here and now is refused for, and on which block, where the chain was asked. */
type Refused = { readonly refusal: Refusal; readonly blockNumber?: bigint | undefined };
type Answer = SettleStanding | Refused;

/**
 * Settles a payment: once, whoever asks how often, on whichever replica. Verifies in full by itself, for a seller
 * may never have asked `/verify`. Faults throw before anything is reserved.
 */
export async function settle(request: PaymentRequest, ports: SettlePorts): Promise<SettleResult> {
  const fingerprint = fingerprintOf(request);
  const presented = present(request, { chains: ports.chains, purpose: 'settle' });
  const of = presented.ok
    ? { payer: presented.payerAsWritten, paymentId: presented.id }
    : presented.payer === undefined
      ? {}
      : { payer: presented.payer };
  const answer = presented.ok
    ? await settlePresented({ presented, fingerprint, request }, ports)
    : { refusal: presented };
  if (!('refusal' in answer)) return { ...answer, ...of };
  const verdict = { ok: false, ...answer.refusal } as const;
  const { blockNumber } = answer;
  await ports.trail.keep(
    verdictRecord({ route: 'settle', request, fingerprint, verdict, blockNumber, ...of }, ports.now()),
  );
  return { ...refused(answer.refusal), ...of };
}

async function settlePresented(settling: Omit<Settling, 'identifier'>, ports: SettlePorts): Promise<Answer> {
  const { request, fingerprint } = settling;
  const taken = await takeIdentifier(request, { route: 'settle', fingerprint }, ports.identifiers);
  if (!taken.ok) return { refusal: taken };
  return standingOfSettling({ ...settling, identifier: taken.claim }, ports);
}

async function standingOfSettling(settling: Settling, ports: SettlePorts): Promise<Answer> {
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

async function settleInPlace(settling: Entered, ports: SettlePorts): Promise<Answer> {
  const { presented, place } = settling;
  const { payment } = presented;
  const expected = ports.waiter.expect(presented.id);
  const isNothing = payment.requirements.amount === 0n;
  let tried: Tried | undefined;
  try {
    tried = await ports.lanes.run(
      payment.payer,
      async () => tryToReserve(settling, ports),
      (result) => result.outcome === 'refused' && isOfMoney(result.refusal),
    );
  } finally {
    // Of nothing nobody hears again.
    const isAwaited = tried?.outcome === 'reserved' && !isNothing;
    place.leave(isAwaited);
    if (!isAwaited) expected.drop();
  }
  switch (tried.outcome) {
    case 'known':
      return join(tried.payment, settling, ports);
    case 'reserved':
      crashPoint('facilitator.reserved');
      return standingOf(isNothing ? { state: 'waived' } : await expected.wait());
    case 'exists':
      return (await joinWinner(settling, ports)) ?? { refusal: vanished };
    case 'refused':
      return (tried.isFinal ? undefined : await joinWinner(settling, ports)) ?? tried;
  }
}

type Tried =
  | { readonly outcome: 'known'; readonly payment: Payment }
  | { readonly outcome: 'reserved' | 'exists' }
  /** `isFinal`: the registry itself refused, so that no identical request can have won. */
  | ({ readonly outcome: 'refused'; readonly isFinal: boolean } & Refused);

/** Asks the chain while the registry is still looking: mostly nothing is known, and both answers are needed. */
async function tryToReserve(settling: Entered, ports: SettlePorts): Promise<Tried> {
  const assessing = heardOf(assess(settling.presented, ports));
  const known = await settling.looking;
  if (known !== null) return { outcome: 'known', payment: known };
  const assessed = await assessing;
  const { verdict, facts, payment } = assessed;
  const { blockNumber } = facts;
  if (!verdict.ok) return { outcome: 'refused', refusal: verdict, isFinal: false, blockNumber };
  const reserveAt = async (at: BalanceBlock): Promise<Reserved> =>
    ports.registry.reserve(reservationOf({ settling, assessed, at, now: ports.now() }));
  const at = balanceBlock(facts);
  const first = await reserveAt(at);
  const reserved =
    first.outcome === 'short' ? await reserveAt(await withLanded(at, settling.presented, ports)) : first;
  if (reserved.outcome !== 'short') return reserved;
  const balance = facts.balance ?? 0n;
  const short = shortfall({ balance, inFlight: reserved.inFlight, amount: payment.requirements.amount });
  return { outcome: 'refused', refusal: short ?? vanished, isFinal: true, blockNumber };
}

/** Its fault is told to who awaits it; until somebody does, or if nobody will, it is no unhandled one. */
function heardOf<Result>(asked: Promise<Result>): Promise<Result> {
  asked.catch(() => undefined);
  return asked;
}

function reservationOf(input: {
  readonly settling: Settling;
  readonly assessed: Assessed;
  readonly at: BalanceBlock;
  readonly now: Date;
}): Reservation {
  const { settling, assessed, at, now } = input;
  const { presented, request, fingerprint, identifier } = settling;
  const { payment, facts, verdict } = assessed;
  const { id: paymentId, payerAsWritten: payer } = presented;
  const { payerHasCode, blockNumber } = facts;
  const sponsoring = payment.method === 'permit2' ? payment.sponsoring : null;
  return {
    terms: termsOf(settling),
    authority: { signature: payment.signature, sponsoring, payerHasCode },
    balance: facts.balance ?? 0n,
    at,
    verdict: verdictRecord(
      { route: 'settle', request, fingerprint, verdict, paymentId, payer, blockNumber },
      now,
    ),
    identifier,
  };
}

/** An identical request may have won while we asked the chain: then its outcome is the answer, and not what it changed. */
async function joinWinner(settling: Settling, ports: SettlePorts): Promise<Answer | undefined> {
  const winner = await ports.registry.find(settling.presented.id);
  return winner === null ? undefined : join(winner, settling, ports);
}

async function join(payment: Payment, { fingerprint }: Settling, ports: SettlePorts): Promise<Answer> {
  if (payment.fingerprint !== fingerprint) return { refusal: conflict };
  return standingOf(isDecided(payment) ? payment : await ports.waiter.wait(payment.id));
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
