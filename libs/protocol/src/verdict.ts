import type { ReasonCode } from './reason-codes.js';

/** Why a payment is refused: a stable code and a sentence for the caller. */
export type Refusal = { readonly reason: ReasonCode; readonly message: string };

/** The outcome of checking a payment. */
export type Verdict = { readonly ok: true } | ({ readonly ok: false } & Refusal);
