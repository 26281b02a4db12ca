import { type Dispatcher, Pool } from 'undici';

export type HttpAnswer = { readonly status: number; readonly text: string };

const answerBytesMax = 32 * 1024 * 1024;
const headers = {
  'content-type': 'application/json',
  accept: 'application/json',
  // Said, for an answer without it may come compressed.
  'accept-encoding': 'identity',
  // Guards in front of nodes refuse who names himself not at all.
  'user-agent': 'quittance',
};
/**
 * A timer so late was late because the process stood still (a pause of the machine, or of the collector): then answers have
 * come that nobody has read yet, for timers are looked at first. So much time is left to read them.
 */
const stallMinMs = 50;
const afterStallMs = 250;
const closedConnectionCodes: ReadonlySet<unknown> = new Set(['UND_ERR_SOCKET', 'ECONNRESET', 'EPIPE']);

/** The answer had not come to its end in the time it was given. */
export class AnswerOverdueError extends Error {
  override readonly name = 'AnswerOverdueError';
  readonly code = 'answer_overdue';

  constructor(readonly timeoutMs: number) {
    super(`There is no whole answer after ${timeoutMs} ms.`);
  }
}

/**
 * POST of JSON texts to one URL, over connections that are kept. `fetch` costs four times as much of the processor for
 * a short question. Redirects are not followed: what is asked is for that node and no other.
 */
export class HttpPost {
  readonly #pool: Pool;
  readonly #path: string;

  constructor(url: string) {
    const { origin, pathname, search } = new URL(url);
    // The limits of time are ours. Several questions on one connection would wait for each other.
    this.#pool = new Pool(origin, { allowH2: false, pipelining: 1, headersTimeout: 0, bodyTimeout: 0 });
    this.#path = pathname + search;
  }

  /**
   * @param timeoutMs From the request to the last byte of its answer.
   * @throws AnswerOverdueError, RangeError for an answer beyond measure, else what the connection failed with.
   */
  async send(body: string, timeoutMs: number): Promise<HttpAnswer> {
    const deadline = { timeoutMs, at: performance.now() + timeoutMs };
    const first = new Post(deadline);
    try {
      return await this.#dispatch(first, body);
    } catch (fault) {
      // A kept connection that the node closed just now; once more on a new one.
      if (first.hasAnswer || !isClosedConnection(fault)) throw fault;
      return this.#dispatch(new Post(deadline), body);
    }
  }

  async #dispatch(post: Post, body: string): Promise<HttpAnswer> {
    try {
      this.#pool.dispatch({ method: 'POST', path: this.#path, headers, body }, post);
    } catch (fault) {
      post.fail(fault);
    }
    return post.answer;
  }
}

type Deadline = { readonly timeoutMs: number; readonly at: number };

/** One request under way. */
class Post implements Dispatcher.DispatchHandler {
  readonly answer: Promise<HttpAnswer>;
  readonly #settled = Promise.withResolvers<HttpAnswer>();
  #timer: NodeJS.Timeout;
  readonly #chunks: Buffer[] = [];
  #bytes = 0;
  #status: number | undefined;
  #controller: Dispatcher.DispatchController | undefined;
  #overdue: AnswerOverdueError | undefined;

  constructor({ timeoutMs, at }: Deadline) {
    this.answer = this.#settled.promise;
    this.#timer = setTimeout(() => this.#onTime({ timeoutMs, at }), at - performance.now());
  }

  get hasAnswer(): boolean {
    return this.#status !== undefined;
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    if (this.#overdue !== undefined) controller.abort(this.#overdue);
  }

  onResponseStart(_controller: Dispatcher.DispatchController, status: number): void {
    this.#status = status;
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    this.#bytes += chunk.length;
    if (this.#bytes <= answerBytesMax) this.#chunks.push(chunk);
    else controller.abort(new RangeError(`an answer of more than ${answerBytesMax} bytes`));
  }

  onResponseEnd(): void {
    clearTimeout(this.#timer);
    const [only] = this.#chunks;
    const bytes = this.#chunks.length === 1 && only !== undefined ? only : Buffer.concat(this.#chunks);
    this.#settled.resolve({ status: this.#status ?? 0, text: bytes.toString('utf8') });
  }

  onResponseError(_controller: Dispatcher.DispatchController, fault: Error): void {
    this.fail(fault);
  }

  fail(fault: unknown): void {
    clearTimeout(this.#timer);
    this.#settled.reject(fault);
  }

  #onTime({ timeoutMs, at }: Deadline): void {
    if (performance.now() - at < stallMinMs) this.#giveUp(timeoutMs);
    else this.#timer = setTimeout(() => this.#giveUp(timeoutMs), afterStallMs);
  }

  #giveUp(timeoutMs: number): void {
    this.#overdue = new AnswerOverdueError(timeoutMs);
    // One that still waits for a connection has no controller, and is not sent any more.
    this.#settled.reject(this.#overdue);
    this.#controller?.abort(this.#overdue);
  }
}

function isClosedConnection(fault: unknown): boolean {
  return (
    typeof fault === 'object' && fault !== null && 'code' in fault && closedConnectionCodes.has(fault.code)
  );
}
