export type Answer = {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Readonly<Record<string, unknown>>;
  readonly tookMs: number;
};

const answerTimeoutMs = 100_000;

/** Posts JSON, or a text as it is, and reads the answer whatever its status. */
export async function post(url: string, body: unknown, contentType = 'application/json'): Promise<Answer> {
  const started = performance.now();
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': contentType },
    body: typeof body === 'string' ? body : JSON.stringify(body),
    signal: AbortSignal.timeout(answerTimeoutMs),
  });
  return read(response, started);
}

export async function get(url: string): Promise<Answer> {
  const started = performance.now();
  return read(await fetch(url, { signal: AbortSignal.timeout(answerTimeoutMs) }), started);
}

async function read(response: Response, started: number): Promise<Answer> {
  const text = await response.text();
  return {
    status: response.status,
    headers: response.headers,
    body: JSON.parse(text) as Record<string, unknown>,
    tookMs: performance.now() - started,
  };
}

/** Polls until `probe` gives a value. Fails with `what` when it does not in time. */
export async function eventually<T>(
  what: string,
  probe: () => Promise<T | undefined>,
  timeoutMs = 30_000,
): Promise<T> {
  const deadline = Date.now() + timeoutMs;
  for (;;) {
    const value = await probe();
    if (value !== undefined) return value;
    if (Date.now() > deadline) throw new Error(`${what}: not within ${timeoutMs} ms`);
    await new Promise((resolve) => setTimeout(resolve, pollMs));
  }
}

const pollMs = 50;
