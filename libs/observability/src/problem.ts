/** An error answer as RFC 9457 describes it, with our stable `code`. */
export type Problem = {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly code: string;
  readonly detail: string;
};

export const problemContentType = 'application/problem+json';

/** How long a client should wait before it asks again after a fault, in seconds. */
export const retryAfterS = 2;

/** Builds a problem; `type` follows from the code, so that one code never has two types. */
export function problem(parts: Omit<Problem, 'type'>): Problem {
  return { type: `urn:quittance:problem:${parts.code}`, ...parts };
}

/** What a fault of something we depend on looks like: an error with a stable code, worth another try. */
export type RetryableFault = Error & { readonly code: string; readonly retryable: true };

/** Whether an error says of itself that the same call may work later. */
export function isRetryableFault(error: unknown): error is RetryableFault {
  return (
    error instanceof Error &&
    'retryable' in error &&
    error.retryable === true &&
    'code' in error &&
    typeof error.code === 'string'
  );
}

const dependencies: Readonly<Record<string, string>> = {
  database_unavailable: 'The database does not answer.',
  database_conflict: 'The database could not finish the transaction.',
  chain_unavailable: 'A node of the chain does not answer.',
  transport_unavailable: 'The event transport does not answer.',
};

/**
 * The problem for an error that nobody expected as a value: 503 for a fault that may pass, else 500.
 * Neither tells internals: the caller can only wait or report it, and the log has the rest.
 */
export function problemOfError(error: unknown): Problem {
  if (isRetryableFault(error)) {
    return problem({
      status: 503,
      code: error.code,
      title: 'Temporarily unavailable',
      detail: `${dependencies[error.code] ?? 'Something this service depends on does not answer.'} Send the same request again later.`,
    });
  }
  return problem({
    status: 500,
    code: 'unexpected_error',
    title: 'Unexpected error',
    detail: 'This is a defect of the service, not of the request. The log has the cause.',
  });
}
