import type { z } from 'zod';

/** One route as the API's document describes it. */
export type Operation = {
  readonly id: string;
  /** GET unless told. */
  readonly method?: 'get' | 'post' | 'put' | 'delete';
  readonly path: string;
  readonly summary: string;
  readonly pathParameters?: z.ZodObject;
  readonly query?: z.ZodObject;
  /** A write: it takes an Idempotency-Key. */
  readonly body?: z.ZodObject;
  readonly answer: z.ZodType;
  /** 200 unless told. */
  readonly answerStatus?: 200 | 201 | 202;
  /** JSON unless told. */
  readonly mediaType?: string;
  readonly refusals: readonly RefusalStatus[];
};

/** What a write may be refused with besides its own refusals. */
export const writeRefusals = [400, 409, 422, 503] as const;

export const refusalTitles = {
  400: 'A parameter or field is wrong; `detail` names it.',
  401: 'No token, or none that is known.',
  403: 'The token has not the role that is needed, or there are no tokens and this writes.',
  404: 'There is no such thing.',
  409: 'Things are not in a state for that; `detail` says which.',
  422: 'It can be read and makes no sense; `detail` says why.',
  503: 'Something the ledger depends on does not answer, or the books are read-only.',
} as const;

export type RefusalStatus = keyof typeof refusalTitles;
