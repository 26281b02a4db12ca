import type { Problem } from '@quittance/observability';

/** An answer that is no success: thrown by controllers, sent by the filter as it is. */
export class ProblemError extends Error {
  override readonly name = 'ProblemError';
  readonly code: string;

  constructor(readonly problem: Problem) {
    super(problem.detail);
    this.code = problem.code;
  }
}
