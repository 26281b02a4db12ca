import type {
  Acceptance,
  Attempt,
  Confirmation,
  GasFact,
  Outcome,
  PaymentFacts,
  Reorg,
} from './payment-facts.js';

/**
 * Facts as they are kept: JSON without names, as what is said by place costs nothing, and without what is the same as
 * before it. Amounts stay decimal strings. Books from before it have whole objects.
 */
export function factsText(facts: PaymentFacts): string {
  const { paymentId, chainId, asset, payer, payTo, amount, accepted, expired, attempts } = facts;
  const own = attempts.at(-1)?.submitted ?? null;
  return JSON.stringify([
    textVersion,
    [paymentId, chainId, asset, payer, payTo, amount],
    accepted === null ? null : acceptanceRow(accepted),
    expired === null ? null : [expired.at, expired.eventId],
    attempts.map(attemptRow),
    facts.outcomes.map((outcome) => outcomeRow(outcome, own)),
    facts.reorgs.map(({ at, eventId, takesBack, transaction, blockNumber }) => [
      at,
      eventId,
      takesBack,
      transaction,
      blockNumber,
    ]),
  ] satisfies FactsRow);
}

/** What `factsText` wrote, or an earlier release. */
export function factsOf(text: string): PaymentFacts {
  const kept = JSON.parse(text) as FactsRow | PaymentFacts;
  if (!Array.isArray(kept)) return kept as PaymentFacts;
  const [
    version,
    [paymentId, chainId, asset, payer, payTo, amount],
    accepted,
    expired,
    attempts,
    outcomes,
    reorgs,
  ] = kept as FactsRow;
  if (version !== textVersion) throw new TypeError(`facts of version ${String(version)}`);
  const known = attempts.map(attemptOf);
  const own = known.at(-1)?.submitted ?? null;
  return {
    version: 1,
    paymentId,
    chainId,
    asset,
    payer,
    payTo,
    amount,
    accepted: accepted === null ? null : acceptanceOf(accepted),
    expired: expired === null ? null : { at: expired[0], eventId: expired[1] },
    attempts: known,
    outcomes: outcomes.map((row) => outcomeOf(row, own)),
    reorgs: reorgs.map(([at, eventId, takesBack, transaction, blockNumber]): Reorg => ({
      at,
      eventId,
      takesBack,
      transaction,
      blockNumber,
    })),
  };
}

const textVersion = 2;

type ToldRow = readonly [at: string, eventId: string];
type AcceptanceRow = readonly [
  ...ToldRow,
  resource: string | null,
  validBefore: string,
  nonce: string,
  ceiling?: string,
];
type SubmissionRow = readonly [
  ...ToldRow,
  relayer: string,
  relayerNonce: string,
  transaction: string,
  reserve: string,
];
type ReplacementRow = readonly [...ToldRow, version: number, transaction: string, reserve: string];
type AttemptRow = readonly [
  attempt: number,
  submitted: SubmissionRow | null,
  replacements: readonly ReplacementRow[],
];
/** 0 in place of what the last attempt's first transaction says. */
type AsSubmitted = 0;
type GasRow = readonly [
  attempt: number,
  relayer: string | AsSubmitted,
  outcome: GasFact['outcome'],
  fee: string,
];
type OutcomeRow = readonly [
  ...ToldRow,
  kind: Outcome['kind'],
  transaction: string | AsSubmitted | null,
  blockHash: string | null,
  gas: GasRow | null,
  ...rest: readonly unknown[],
];
type FactsRow = readonly [
  version: typeof textVersion,
  payment: readonly [
    paymentId: string,
    chainId: PaymentFacts['chainId'],
    asset: PaymentFacts['asset'],
    payer: string,
    payTo: string,
    amount: string,
  ],
  accepted: AcceptanceRow | null,
  expired: ToldRow | null,
  attempts: readonly AttemptRow[],
  outcomes: readonly OutcomeRow[],
  reorgs: readonly (readonly [...ToldRow, takesBack: string, transaction: string, blockNumber: string])[],
];
type Submitted = Attempt['submitted'];

function acceptanceRow({ at, eventId, resource, validBefore, nonce, ceiling }: Acceptance): AcceptanceRow {
  return ceiling === undefined
    ? [at, eventId, resource, validBefore, nonce]
    : [at, eventId, resource, validBefore, nonce, ceiling];
}

function acceptanceOf([at, eventId, resource, validBefore, nonce, ceiling]: AcceptanceRow): Acceptance {
  const acceptance = { at, eventId, resource, validBefore, nonce };
  return ceiling === undefined ? acceptance : { ...acceptance, ceiling };
}

function attemptRow({ attempt, submitted, replacements }: Attempt): AttemptRow {
  return [
    attempt,
    submitted === null
      ? null
      : [
          submitted.at,
          submitted.eventId,
          submitted.relayer,
          submitted.relayerNonce,
          submitted.transaction,
          submitted.reserve,
        ],
    replacements.map(({ at, eventId, version, transaction, reserve }) => [
      at,
      eventId,
      version,
      transaction,
      reserve,
    ]),
  ];
}

function attemptOf([attempt, row, replacements]: AttemptRow): Attempt {
  const [at, eventId, relayer, relayerNonce, transaction, reserve] = row ?? [];
  return {
    attempt,
    submitted:
      row === null ? null : ({ at, eventId, relayer, relayerNonce, transaction, reserve } as Submitted),
    replacements: replacements.map(([at, eventId, version, transaction, reserve]) => ({
      at,
      eventId,
      version,
      transaction,
      reserve,
    })),
  };
}

function outcomeRow(outcome: Outcome, own: Submitted): OutcomeRow {
  const { at, eventId, kind, transaction, blockHash, gas } = outcome;
  const report = [
    at,
    eventId,
    kind,
    transaction !== null && transaction === own?.transaction ? 0 : transaction,
    blockHash,
    gas === null ? null : gasRow(gas, own),
  ] as const;
  switch (outcome.kind) {
    case 'confirmed': {
      const { blockNumber, logIndex, settledBy, fee } = outcome;
      const confirmed = [...report, blockNumber, logIndex, settledBy] as const;
      return fee === undefined ? confirmed : [...confirmed, fee];
    }
    case 'failed':
      return [...report, outcome.reason, outcome.detail];
    case 'released':
      return [...report, outcome.attempt, outcome.cause];
  }
}

function outcomeOf(row: OutcomeRow, own: Submitted): Outcome {
  const [at, eventId, kind, told, blockHash, gasRow, ...rest] = row;
  const transaction = told === 0 ? (own?.transaction ?? null) : told;
  const report = { at, eventId, blockHash, gas: gasRow === null ? null : gasOf(gasRow, own) };
  switch (kind) {
    case 'confirmed': {
      const [blockNumber, logIndex, settledBy, fee] = rest;
      const confirmed = { ...report, kind, transaction, blockNumber, logIndex, settledBy } as Confirmation;
      return fee === undefined ? confirmed : { ...confirmed, fee: fee as NonNullable<Confirmation['fee']> };
    }
    case 'failed': {
      const [reason, detail] = rest;
      return { ...report, kind, reason, detail, transaction } as Outcome;
    }
    case 'released': {
      const [attempt, cause] = rest;
      return { ...report, kind, attempt, cause, transaction } as Outcome;
    }
  }
}

function gasRow({ attempt, relayer, outcome, fee }: GasFact, own: Submitted): GasRow {
  return [attempt, relayer === own?.relayer ? 0 : relayer, outcome, fee];
}

function gasOf([attempt, relayer, outcome, fee]: GasRow, own: Submitted): GasFact {
  return { attempt, relayer: relayer === 0 ? (own?.relayer ?? '') : relayer, outcome, fee };
}
