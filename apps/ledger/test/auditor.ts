import type { EventOf, PaymentEvent, QuittanceEvent } from '@quittance/events';

/**
 * A second ledger, as small and plain as it can be, that shares no code with the first: it keeps what it was told and
 * works out from all of it at once what the books must show. Slow, without a posting of its own, and right.
 */

/** What is left on each `layer account asset`; zeros left out. */
export type Books = ReadonlyMap<string, bigint>;
/** What a merchant is charged for an amount at a moment. */
export type Fees = (payTo: string, amount: bigint, at: string) => { merchant: string; fee: bigint } | null;

type Outcome = EventOf<'settlement.confirmed' | 'settlement.failed' | 'settlement.released'>;
type Gas = NonNullable<Outcome['data']['gas']>;
type Moved = readonly [layer: string, asset: string, to: string, from: string, amount: bigint | string];

export class Auditor {
  readonly #told = new Map<string, QuittanceEvent>();
  readonly #postings = new Map<string, readonly (readonly [where: string, amount: bigint])[]>();

  constructor(private readonly fees: Fees) {}

  hear(event: QuittanceEvent): void {
    if (!this.#told.has(event.id)) this.#told.set(event.id, event);
  }

  /** Something that is no event was posted, as `layer account asset` and amounts; once for each key. */
  post(key: string, lines: readonly (readonly [where: string, amount: bigint])[]): void {
    if (!this.#postings.has(key)) this.#postings.set(key, lines);
  }

  knows(eventId: string): boolean {
    return this.#told.has(eventId);
  }

  books(): Books {
    const told = [...this.#told.values()];
    const ofPayments = told.filter((event): event is PaymentEvent => 'paymentId' in event.data);
    const payments = Map.groupBy(ofPayments, ({ data }) => data.paymentId);
    const moves = [...payments.values()].flatMap((events) => [
      ...this.flow(events),
      ...spent(events),
      ...reserved(events),
    ]);
    const sums = new Map<string, bigint>();
    const add = (where: string, amount: bigint): unknown => sums.set(where, (sums.get(where) ?? 0n) + amount);
    for (const [layer, asset, to, from, amount] of [...moves, ...fillers(told)]) {
      add(`${layer} ${to} ${asset}`, BigInt(amount));
      add(`${layer} ${from} ${asset}`, -BigInt(amount));
    }
    for (const [where, amount] of [...this.#postings.values()].flat()) add(where, amount);
    return new Map([...sums].filter(([, sum]) => sum !== 0n));
  }

  /** The payer's money, and the fee for moving it. */
  private flow(events: readonly PaymentEvent[]): Moved[] {
    const { chainId, asset, payer, payTo, amount } = (events[0] as PaymentEvent).data;
    const from = `F:payer:${chainId}:${payer}`;
    const stands = standing(events);
    const [accepted] = only(events, 'payment.accepted');
    const confirmed = stands.find((event) => event.type === 'settlement.confirmed');
    if (confirmed) {
      const paid: Moved = ['settled', asset, `F:merchant:${chainId}:${payTo}`, from, amount];
      const owed = this.fees(payTo, BigInt(amount), confirmed.occurredAt);
      if (!owed || !accepted || confirmed.data.settledBy !== 'us') return [paid];
      const revenue = `G:revenue:fee:${accepted.data.scheme}`;
      return [paid, ['settled', asset, `G:receivable:fees:${owed.merchant}`, revenue, owed.fee]];
    }
    if (hasFailed(stands) || only(events, 'payment.expired').length > 0) return [];
    const isSent = events.some(
      ({ type, data }) =>
        ['settlement.submitted', 'settlement.replaced', 'settlement.released'].includes(type) ||
        ('gas' in data && data.gas !== null),
    );
    if (isSent) return [['inflight', asset, `F:transit:${chainId}`, from, amount]];
    const signed = accepted?.data.scheme === 'upto' ? accepted.data.authorization.value : amount;
    return [['encumbered', asset, `F:authorized:${chainId}`, from, signed]];
  }
}

function only<T extends PaymentEvent['type']>(events: readonly PaymentEvent[], type: T): EventOf<T>[] {
  return events.filter((event) => event.type === type) as unknown as EventOf<T>[];
}

/** The reports that nothing took back, the first first. */
function standing(events: readonly PaymentEvent[]): Outcome[] {
  const gone = new Set(only(events, 'settlement.reorged').map(({ data }) => data.takesBack));
  const reports = [
    ...only(events, 'settlement.confirmed'),
    ...only(events, 'settlement.failed'),
    ...only(events, 'settlement.released'),
  ];
  const order = (one: Outcome): string => one.occurredAt + one.id;
  return reports.filter(({ id }) => !gone.has(id)).sort((a, b) => (order(a) < order(b) ? -1 : 1));
}

const hasFailed = (stands: readonly Outcome[]): boolean =>
  stands.some(({ type }) => type === 'settlement.failed');

/** What mined attempts cost: once each, as it was told first. */
function mined(events: readonly PaymentEvent[]): Map<number, Gas> {
  const gas = standing(events).flatMap(({ data }) => (data.gas === null ? [] : [data.gas]));
  return new Map(gas.toReversed().map((one) => [one.attempt, one]));
}

function spent(events: readonly PaymentEvent[]): Moved[] {
  const { chainId } = (events[0] as PaymentEvent).data;
  return [...mined(events).values()].map(({ relayer, outcome, fee }) => {
    const wallet = `G:wallet:relayer:${chainId}:${relayer}`;
    return ['settled', `${chainId}/slip44:60`, `G:expense:gas:${chainId}:${outcome}`, wallet, fee];
  });
}

/** What attempts under way may still cost: of those with one nonce the last. */
function reserved(events: readonly PaymentEvent[]): Moved[] {
  const stands = standing(events);
  if (hasFailed(stands)) return [];
  const gas = mined(events);
  const released = stands.flatMap((one) => (one.type === 'settlement.released' ? [one.data.attempt] : []));
  const submitted = only(events, 'settlement.submitted').sort((a, b) => a.data.attempt - b.data.attempt);
  const used = submitted.filter(({ data }) => gas.has(data.attempt)).map(({ data }) => data.relayerNonce);
  const byNonce = new Map<string, Moved>();
  for (const { data } of submitted) {
    const { attempt, chainId, relayer, relayerNonce } = data;
    if (gas.has(attempt) || released.includes(attempt) || used.includes(relayerNonce)) continue;
    const versions = only(events, 'settlement.replaced').filter((one) => one.data.attempt === attempt);
    const [last] = versions.sort((a, b) => b.data.version - a.data.version);
    const [transit, wallet] = [`G:transit:gas:${chainId}`, `G:wallet:relayer:${chainId}:${relayer}`];
    const reserve = last?.data.gasReserve ?? data.gasReserve;
    byNonce.set(relayerNonce, ['inflight', `${chainId}/slip44:60`, transit, wallet, reserve]);
  }
  return [...byNonce.values()];
}

function fillers(told: readonly QuittanceEvent[]): Moved[] {
  const all = told.filter((event) => event.type === 'settlement.filled');
  const gone = new Set(all.map(({ data }) => data.takesBack));
  return all.flatMap(({ id, data: { chainId, relayer, fee, topUp } }): Moved[] => {
    if (gone.has(id)) return [];
    const [native, wallet] = [`${chainId}/slip44:60`, `G:wallet:relayer:${chainId}:${relayer}`];
    const [expense, given] = [`G:expense:gas:${chainId}`, topUp?.amount ?? '0'];
    const cost: Moved = ['settled', native, `${expense}:${given === '0' ? 'filler' : 'topup'}`, wallet, fee];
    return given === '0' ? [cost] : [cost, ['settled', native, `${expense}:given`, wallet, given]];
  });
}
