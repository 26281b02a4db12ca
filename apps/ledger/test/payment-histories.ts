import type { PaymentEvent } from '@quittance/events';
import fc from 'fast-check';

import { PaymentStory } from './payment-events.js';

const edges = [0n, 1n, 2n, 2n ** 53n - 1n, 2n ** 53n + 1n, 2n ** 63n, 2n ** 128n, 2n ** 256n - 1n];
const amounts = fc.oneof(fc.constantFrom(...edges), fc.bigInt({ min: 0n, max: 2n ** 256n - 1n }));
/** What several attempts cost and may cost must still sum to what a line can hold. */
const weiMax = 2n ** 250n;
const wei = fc.oneof(fc.constantFrom(0n, 1n, 2n ** 63n, weiMax), fc.bigInt({ min: 0n, max: weiMax }));
const attemptsMax = 3;

/** What can happen next; where it cannot as things stand, nothing does. */
export const happenings = fc.record({
  what: fc.constantFrom(
    'submit',
    'replace',
    'confirm',
    'other',
    'otherThenOurs',
    'miss',
    'revert',
    'displace',
    'fail',
    'expire',
    'reorg',
    'reorg',
  ),
  which: fc.nat(20),
  wei,
  batchSize: fc.integer({ min: 1, max: 400 }),
});
const steps = fc.array(happenings, { maxLength: 14 });
export type Happening = {
  readonly what: string;
  readonly which: number;
  readonly wei: bigint;
  readonly batchSize: number;
};

/** What must be in the books in the end, in the plainest terms. */
export type Survivors = {
  readonly flow: 'encumbered' | 'inflight' | 'settled' | null;
  readonly spent: Readonly<Record<'ok' | 'reverted' | 'missed', bigint>>;
  readonly reserved: bigint;
};

export type History = {
  readonly story: PaymentStory;
  readonly amount: bigint;
  /** By upto: what the payer signed for. */
  readonly ceiling: bigint | null;
  readonly events: readonly PaymentEvent[];
  readonly survivors: Survivors;
};

type Gas = { readonly attempt: number; readonly outcome: 'ok' | 'reverted' | 'missed'; readonly fee: bigint };
type Standing = { readonly event: PaymentEvent; readonly released: number | null; readonly gas: Gas | null };

type Ending = { readonly attempt: number; readonly fee: bigint; readonly block: string };

/** Plays what happens to a payment, and keeps account of what stands in its own way. */
export class Play {
  readonly events: PaymentEvent[];
  private readonly reserves: bigint[] = [];
  private readonly versions: number[] = [];
  private standing: Standing[] = [];
  private isExpired = false;
  private blocks = 0;

  constructor(private readonly story: PaymentStory) {
    this.events = [story.accepted()];
  }

  step({ what, which, wei: cost, batchSize }: Happening): void {
    const { story } = this;
    const outstanding = this.reserves.map((_, index) => index + 1).filter((one) => !this.isOver(one));
    const attempt = outstanding[which % Math.max(outstanding.length, 1)];
    this.blocks += 1;
    const block = `block ${this.blocks}`;
    if (what === 'submit') return this.submit(cost, batchSize);
    if (what === 'reorg') return this.reorg(which);
    if (what === 'expire') return this.expire();
    if (what === 'other') return this.tell(story.confirmed('other', null, block));
    if (what === 'fail') return this.tell(story.failed(null, block));
    if (attempt !== undefined) this.endOrReplace(what, { attempt, fee: cost, block });
  }

  survivors(): Survivors {
    const spent = { ok: 0n, reverted: 0n, missed: 0n };
    for (const { gas } of this.standing) if (gas !== null) spent[gas.outcome] += gas.fee;
    const isFailed = this.standing.some(({ event }) => event.type === 'settlement.failed');
    const reserved = this.reserves.reduce(
      (sum, reserve, index) => (isFailed || this.isOver(index + 1) ? sum : sum + reserve),
      0n,
    );
    return { flow: this.flow(isFailed), spent, reserved };
  }

  private endOrReplace(what: string, { attempt, fee, block }: Ending): void {
    const { story } = this;
    switch (what) {
      case 'replace': {
        const version = (this.versions[attempt - 1] ?? 1) + 1;
        this.versions[attempt - 1] = version;
        this.reserves[attempt - 1] = fee;
        this.events.push(story.replaced(attempt, version, fee));
        return;
      }
      case 'confirm':
        return this.tell(story.confirmed('us', { attempt, fee }, block), { attempt, fee, outcome: 'ok' });
      case 'otherThenOurs':
        return this.tell(story.confirmed('other', { attempt, fee }, block), {
          attempt,
          fee,
          outcome: 'reverted',
        });
      case 'miss':
      case 'revert': {
        const outcome = what === 'miss' ? 'missed' : 'reverted';
        return this.tell(
          story.released(attempt, outcome, { block, fee }),
          { attempt, fee, outcome },
          attempt,
        );
      }
      case 'displace':
        return this.tell(story.released(attempt, 'displaced', { block }), null, attempt);
    }
  }

  private flow(isFailed: boolean): Survivors['flow'] {
    if (this.standing.some(({ event }) => event.type === 'settlement.confirmed')) return 'settled';
    if (isFailed || this.isExpired) return null;
    return this.reserves.length > 0 ? 'inflight' : 'encumbered';
  }

  private isOver(attempt: number): boolean {
    return this.standing.some(({ released, gas }) => released === attempt || gas?.attempt === attempt);
  }

  private submit(reserve: bigint, batchSize: number): void {
    if (this.reserves.length === attemptsMax) return;
    this.reserves.push(reserve);
    this.events.push(this.story.submitted(this.reserves.length, { reserve, batchSize }));
  }

  private expire(): void {
    if (this.isExpired) return;
    this.isExpired = true;
    this.events.push(this.story.expired());
  }

  private reorg(which: number): void {
    const gone = this.standing[which % Math.max(this.standing.length, 1)];
    if (gone === undefined) return;
    this.standing = this.standing.filter((one) => one !== gone);
    this.events.push(this.story.reorged(gone.event));
  }

  private tell(event: PaymentEvent, gas: Gas | null = null, released: number | null = null): void {
    this.events.push(event);
    this.standing.push({ event, gas, released });
  }
}

/** What can happen to a payment, in the order in which it does. */
export const histories: fc.Arbitrary<History> = fc
  .record({ amount: amounts, above: fc.option(amounts), steps, name: fc.noBias(fc.nat()) })
  .map(({ amount, above, steps: drawn, name }) => {
    const ceiling = above === null ? null : above > amount ? above : amount;
    const story = new PaymentStory({
      name: `any ${name}`,
      amount,
      ...(ceiling === null ? {} : { ceiling }),
    });
    const play = new Play(story);
    for (const step of drawn) play.step(step);
    return { story, amount, ceiling, events: play.events, survivors: play.survivors() };
  });

/** A history, and its events as they may be delivered. */
export const disorderedHistories = histories.chain((history) =>
  fc.record({ history: fc.constant(history), delivered: disordered(history.events) }),
);

/** The same events in any order, some of them more than once. */
export const disordered = (events: readonly PaymentEvent[]): fc.Arbitrary<PaymentEvent[]> =>
  fc
    .array(fc.constantFrom(...events), { maxLength: 6 })
    .chain((again) =>
      fc.shuffledSubarray([...events, ...again], { minLength: events.length + again.length }),
    );
