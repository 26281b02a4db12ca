import { problem, type Problem } from '@quittance/observability';

/** An answer that is a refusal: what was wrong, by name, and what to send instead. */
export class ProblemError extends Error {
  override readonly name = 'ProblemError';
  readonly problem: Problem;

  constructor(parts: Omit<Problem, 'type'>) {
    super(parts.detail);
    this.problem = problem(parts);
  }

  static invalid(detail: string): ProblemError {
    return new ProblemError({ status: 400, code: 'invalid_request', title: 'Invalid request', detail });
  }

  static notFound(detail: string): ProblemError {
    return new ProblemError({ status: 404, code: 'not_found', title: 'Not found', detail });
  }
}
