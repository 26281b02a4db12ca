export const periodStates = ['open', 'soft', 'hard'] as const;
/** Open; closed but for the controller; closed for ever. */
export type PeriodState = (typeof periodStates)[number];

export const periodSteps = ['soft', 'hard', 'reopen'] as const;
export type PeriodStep = (typeof periodSteps)[number];

export type PeriodMove =
  | { readonly kind: 'moved'; readonly state: PeriodState }
  | { readonly kind: 'refused'; readonly state: PeriodState; readonly step: PeriodStep };

/** From a hard close there is no way back. */
const moves: Readonly<Record<PeriodState, Readonly<Record<PeriodStep, PeriodState | null>>>> = {
  open: { soft: 'soft', hard: null, reopen: null },
  soft: { soft: null, hard: 'hard', reopen: 'open' },
  hard: { soft: null, hard: null, reopen: null },
};

/** What a step makes of a period. */
export function transition(state: PeriodState, step: PeriodStep): PeriodMove {
  const next = moves[state][step];
  return next === null ? { kind: 'refused', state, step } : { kind: 'moved', state: next };
}

export const itemOutcomes = ['pass', 'explain', 'not_configured', 'fail'] as const;

/** One question of the checklist, as the books answer it. */
export type ChecklistItem = {
  readonly name: string;
  /** `explain`: it may be closed with, once somebody says why; `fail`: it may not. */
  readonly outcome: (typeof itemOutcomes)[number];
  readonly detail: string;
  /** What it is about, one by one; the first of them. */
  readonly listed: string[];
};

export type Explanations = Readonly<Record<string, string>>;

export type Readiness =
  | { readonly kind: 'ready' }
  | {
      readonly kind: 'not_ready';
      readonly failing: readonly string[];
      readonly unexplained: readonly string[];
    };

/** Whether a period may be closed for ever with this checklist and what was said to it. */
export function readiness(checklist: readonly ChecklistItem[], explanations: Explanations): Readiness {
  const named = (outcome: ChecklistItem['outcome']): string[] =>
    checklist.filter((item) => item.outcome === outcome).map(({ name }) => name);
  const failing = named('fail');
  const unexplained = named('explain').filter((name) => (explanations[name] ?? '') === '');
  return failing.length + unexplained.length === 0
    ? { kind: 'ready' }
    : { kind: 'not_ready', failing, unexplained };
}
