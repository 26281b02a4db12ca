import type { EventOf, QuittanceEvent } from '@quittance/events';
import type { EntryPosting } from '../../src/posting/entry-posting.js';
import { Auditor, type Books, type Fees } from '../auditor.js';
import { addressOf } from '../made-up.js';
import { PaymentStory } from '../payment-events.js';
import { type Happening, Play } from '../payment-histories.js';
import type { Expectation, Lockstep, Work } from './lockstep.js';

/** One life of some payments of one merchant and one relayer, in the model and in the real books. */
export class Sequence implements Expectation {
  readonly auditor: Auditor;
  readonly payTo: string;
  readonly relayer: string;
  readonly treasury: string;
  readonly plays: { readonly story: PaymentStory; readonly play: Play; told: number }[] = [];
  /** Happened and not delivered yet. */
  pending: QuittanceEvent[] = [];
  readonly delivered: QuittanceEvent[] = [];
  readonly fillers: EventOf<'settlement.filled'>[] = [];
  readonly transfers: { posting: EntryPosting; lines: (readonly [string, bigint])[] }[] = [];

  constructor(
    readonly name: string,
    private readonly lockstep: Lockstep,
    fees: Fees,
  ) {
    this.auditor = new Auditor(fees);
    this.payTo = addressOf(`${name} shop`);
    this.relayer = addressOf(`${name} relayer`);
    this.treasury = addressOf(`${name} treasury`);
  }

  books(): Books {
    return this.auditor.books();
  }

  get paymentIds(): string[] {
    return this.plays.map(({ story }) => story.paymentId);
  }

  get sourceEventIds(): string[] {
    const free = this.transfers.filter(({ posting }) => posting.paymentId === null);
    return [...this.fillers.map(({ id }) => id), ...free.map(({ posting }) => posting.sourceEventId)];
  }

  begin({ amount, ceiling }: { readonly amount: bigint; readonly ceiling: bigint | null }): void {
    const index = this.plays.length;
    const story = new PaymentStory({
      name: `${this.name} ${index}`,
      amount,
      payTo: this.payTo,
      payer: addressOf(`${this.name} payer ${index % 2}`),
      relayer: this.relayer,
      ...(ceiling === null ? {} : { ceiling }),
    });
    this.plays.push({ story, play: new Play(story), told: 0 });
    this.hold(index);
  }

  happen(index: number, step: Happening): void {
    this.plays[index]?.play.step(step);
    this.hold(index);
  }

  private hold(index: number): void {
    const one = this.plays[index];
    if (one === undefined) return;
    this.pending.push(...one.play.events.slice(one.told));
    one.told = one.play.events.length;
  }

  /** Tells the books, and the auditor; what comes twice or came before must change nothing. */
  async deliver(events: readonly QuittanceEvent[]): Promise<void> {
    const told = new Set(events);
    this.pending = this.pending.filter((event) => !told.has(event));
    this.delivered.push(...[...told].filter(({ id }) => !this.auditor.knows(id)));
    for (const event of events) this.auditor.hear(event);
    await this.act({ events });
  }

  act(work: Work): Promise<void> {
    return this.lockstep.act(this, work);
  }
}
