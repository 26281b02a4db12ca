import type { PaymentEvent } from '@quittance/events';
import fc from 'fast-check';

import { refundLines, topUpLines, unknownTransferLines } from '../../src/posting/transfer-lines.js';
import { hexOf, uuidOf } from '../made-up.js';
import { asset, chainId, filled, finalized, native } from '../payment-events.js';
import { happenings } from '../payment-histories.js';
import type { Sequence } from './sequence.js';

const paymentsMax = 3;

/** What was done, for whoever wants to know that all of it was. */
export type Tally = { readonly count: (command: string) => void };
type Command = fc.AsyncCommand<Sequence, Tally>;

/** A command by its name, what it was drawn with, when it can be, and what it does. */
function command(
  name: string,
  drawn: unknown,
  { can = () => true, run }: { can?: (model: Sequence) => boolean; run: (model: Sequence) => Promise<void> },
): Command {
  const shown = JSON.stringify(drawn, (_key, value: unknown) =>
    typeof value === 'bigint' ? `${value}n` : value,
  );
  return {
    check: (model) => can(model as Sequence),
    run: async (model, tally) => {
      tally.count(name);
      await run(model);
    },
    toString: () => `${name} ${shown}`,
  };
}

const uint256Max = 2n ** 256n - 1n;
const edges = [0n, 1n, 2n ** 53n - 1n, 2n ** 53n + 1n, 2n ** 63n, 2n ** 128n, uint256Max];
const amounts = fc.oneof(fc.constantFrom(...edges), fc.bigInt({ min: 0n, max: uint256Max }));
const positive = amounts.map((amount) => (amount === 0n ? 1n : amount));
/** Two of them are mirrored and posted by one header, whose lines must each fit. */
const wei = fc.bigInt({ min: 0n, max: 2n ** 200n });

const picks = fc.array(fc.nat(), { minLength: 1, maxLength: 6 });
const pick = <T>(items: readonly T[], choices: readonly number[]): T[] =>
  items.length === 0 ? [] : choices.flatMap((choice) => items[choice % items.length] ?? []);

/** Of a payment; by upto the payer signs for more. */
export const payments = fc.record({ amount: amounts, more: fc.option(amounts) }).map(({ amount, more }) => {
  const sum = amount + (more ?? 0n);
  return { amount, ceiling: more === null ? null : sum > uint256Max ? uint256Max : sum };
});

const begins = fc.record({ payment: payments, now: fc.boolean() }).map(({ payment, now }) =>
  command(
    'begins',
    { ...payment, now },
    {
      can: ({ plays }) => plays.length < paymentsMax,
      run: async (model) => {
        model.begin(payment);
        if (now) await model.deliver(model.pending);
      },
    },
  ),
);

const happens = fc
  .record({ which: fc.nat(), step: happenings, now: fc.boolean() })
  .map(({ which, step, now }) =>
    command(
      step.what,
      { which, step, now },
      {
        can: ({ plays }) => plays.length > 0,
        run: async (model) => {
          model.happen(which % model.plays.length, step);
          if (now) await model.deliver(model.pending);
        },
      },
    ),
  );

const delivers = picks.map((choices) =>
  command('delivers out of order', choices, {
    can: ({ pending }) => pending.length > 0,
    run: (model) => model.deliver(pick(model.pending, choices)),
  }),
);

const repeats = picks.map((choices) =>
  command('repeats', choices, {
    can: ({ delivered }) => delivered.length > 0,
    run: (model) =>
      model.deliver([...pick(model.delivered, choices), ...pick(model.pending, choices.slice(1))]),
  }),
);

const fills = fc.record({ fee: wei, topUp: fc.option(wei), takesBack: fc.option(fc.nat()) }).map((drawn) =>
  command('fills', drawn, {
    run: async (model) => {
      const { fee, topUp, takesBack } = drawn;
      const last =
        takesBack === null ? undefined : model.fillers[takesBack % Math.max(model.fillers.length, 1)];
      const event = filled(`${model.name} ${model.fillers.length}`, fee, {
        by: model.relayer,
        takesBack: last ?? null,
        ...(topUp === null ? {} : { topUp }),
      });
      model.fillers.push(event);
      await model.deliver([event]);
    },
  }),
);

const finalizes = fc
  .bigInt({ min: 1n, max: 2_000_000n })
  .map((block) =>
    command('finalizes', block, { run: (model) => model.deliver([finalized(block, model.name)]) }),
  );

const contradicts = fc.record({ which: fc.nat(), company: picks }).map(({ which, company }) =>
  command(
    'contradicts',
    { which, company },
    {
      can: ({ delivered }) => delivered.some((event) => 'paymentId' in event.data),
      run: async (model) => {
        const known = model.delivered.filter((event): event is PaymentEvent => 'paymentId' in event.data);
        const [event] = pick(known, [which]);
        if (event === undefined) return;
        const amount = (BigInt(event.data.amount) ^ 1n).toString();
        const wrong = {
          ...event,
          id: uuidOf(`wrong ${event.id}`),
          data: { ...event.data, amount },
        } as PaymentEvent;
        // What comes with it is refused with it.
        await model.act({ refused: [...pick(model.pending, company), wrong] });
      },
    },
  ),
);

const movesMoney = fc
  .record({
    kind: fc.constantFrom('refund', 'unknown', 'top-up'),
    amount: positive,
    out: fc.boolean(),
    which: fc.nat(),
  })
  .map((drawn) =>
    command(drawn.kind, drawn, {
      can: ({ plays }) => drawn.kind !== 'refund' || plays.length > 0,
      run: async (model) => {
        const transfer = transferOf(model, drawn);
        model.transfers.push(transfer);
        model.auditor.post(transfer.posting.sourceEventId, transfer.lines);
        // Twice: the second is known.
        await model.act({ postings: [transfer.posting, transfer.posting] });
      },
    }),
  );

type Moved = {
  readonly kind: string;
  readonly amount: bigint;
  readonly out: boolean;
  readonly which: number;
};

/** The posting by the rules, and what it must come to in the auditor's own words. */
function transferOf(model: Sequence, { kind, amount, out, which }: Moved): Sequence['transfers'][number] {
  const key = `${model.name} transfer ${model.transfers.length}`;
  const story = model.plays[which % Math.max(model.plays.length, 1)]?.story;
  const of = {
    source: 'transfer',
    sourceEventId: uuidOf(key),
    effectiveAt: new Date(Date.UTC(2026, 10, 21)),
  } as const;
  const about = { ...of, paymentId: null, chainTransaction: hexOf(key, 32) };
  const [treasury, direction] = [
    `G:wallet:treasury:${chainId}:${model.treasury}`,
    out ? 'out' : 'in',
  ] as const;
  if (kind === 'refund' && story !== undefined) {
    const { payer } = story;
    const lines = refundLines({ chainId, asset, merchant: model.payTo, payer, amount });
    return {
      posting: { ...about, book: 'F', kind: 'transfer.refund', paymentId: story.paymentId, lines },
      lines: [
        [`settled F:payer:${chainId}:${payer} ${asset}`, amount],
        [`settled F:merchant:${chainId}:${model.payTo} ${asset}`, -amount],
      ],
    };
  }
  if (kind === 'unknown') {
    const lines = unknownTransferLines({ chainId, asset, wallet: treasury, direction, amount });
    return {
      posting: { ...about, book: 'G', kind: 'transfer.unknown', lines },
      lines: [
        [`settled ${treasury} ${asset}`, out ? -amount : amount],
        [`settled G:suspense:${chainId} ${asset}`, out ? amount : -amount],
      ],
    };
  }
  const half = amount / 2n;
  const given = {
    chainId,
    treasury: model.treasury,
    relayer: model.relayer,
    amount: amount - half,
    fee: half,
  };
  return {
    posting: { ...about, book: 'G', kind: 'transfer.top_up', lines: topUpLines(given) },
    lines: [
      [`settled G:wallet:relayer:${chainId}:${model.relayer} ${native}`, amount - half],
      [`settled G:expense:gas:${chainId}:topup ${native}`, half],
      [`settled ${treasury} ${native}`, -amount],
    ],
  };
}

const asOfOtherRules = fc.nat().map((which) =>
  command('is taken for posted by other rules', which, {
    can: ({ plays }) => plays.length > 0,
    run: (model) => model.act({ foreign: pick(model.paymentIds, [which]) }),
  }),
);

/** What happens often stands here more than once. */
export const commandArbitraries = [
  begins,
  happens,
  happens,
  happens,
  happens,
  happens,
  delivers,
  delivers,
  repeats,
  fills,
  finalizes,
  contradicts,
  movesMoney,
  asOfOtherRules,
];
