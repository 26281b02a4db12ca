import type { ChainId } from '@quittance/money';
import { z } from 'zod';

import { ChainUnavailableError } from './chain-error.js';
import { describeRpcError, type RpcError } from './rpc-error.js';

export type RpcAnswer =
  { readonly ok: true; readonly result: unknown } | { readonly ok: false; readonly error: RpcError };

export type JsonRpcOptions = {
  readonly chainId: ChainId;
  readonly url: string;
  /** From the request to the last byte of its answer. */
  readonly timeoutMs: number;
};

/** Providers answer at most some hundred in one; more go out as several. */
const batchMax = 50;
const answerBytesMax = 32 * 1024 * 1024;

type Waiting = {
  readonly id: number;
  readonly method: string;
  readonly params: readonly unknown[];
  readonly resolve: (answer: RpcAnswer) => void;
  readonly reject: (fault: unknown) => void;
};

const entrySchema = z.object({
  id: z.number(),
  result: z.unknown().optional(),
  error: z
    .object({ code: z.number(), message: z.string(), data: z.unknown().optional() })
    .nullish()
    .transform((error) => error ?? undefined),
});
const refusalSchema = z.object({ error: z.object({ code: z.number(), message: z.string() }) });

/**
 * JSON-RPC over HTTP. What is asked in one turn of the event loop goes out as one batch, and answers are matched by
 * id: a node that leaves one out or mixes them up must never make one question's answer another's. viem's transport
 * matches by position, and its time-out ends with the response's headers.
 */
export class JsonRpc {
  readonly #options: JsonRpcOptions;
  #waiting: Waiting[] = [];
  #lastId = 0;

  constructor(options: JsonRpcOptions) {
    this.#options = options;
  }

  /**
   * Asks and returns the node's answer, an error included.
   *
   * @throws ChainUnavailableError when there is none.
   */
  async ask(method: string, ...params: readonly unknown[]): Promise<RpcAnswer> {
    return new Promise((resolve, reject) => {
      this.#lastId += 1;
      this.#waiting.push({ id: this.#lastId, method, params, resolve, reject });
      if (this.#waiting.length === 1) setImmediate(() => this.#send());
    });
  }

  /**
   * Asks and returns what the schema makes of the result.
   *
   * @throws ChainUnavailableError when there is no answer, it is an error, or not what the method answers.
   */
  async request<Schema extends z.ZodType>(
    schema: Schema,
    method: string,
    ...params: readonly unknown[]
  ): Promise<z.output<Schema>> {
    const answer = await this.ask(method, ...params);
    if (!answer.ok) throw this.fault(`refused ${method}: ${describeRpcError(answer.error)}`);
    return this.read(schema, method, answer.result);
  }

  /** @throws ChainUnavailableError when the result is not what the method answers. */
  read<Schema extends z.ZodType>(schema: Schema, method: string, result: unknown): z.output<Schema> {
    const parsed = schema.safeParse(result);
    if (parsed.success) return parsed.data;
    throw this.fault(`gave an answer to ${method} that is not one`, parsed.error);
  }

  fault(detail: string, cause?: unknown): ChainUnavailableError {
    return new ChainUnavailableError(
      this.#options.chainId,
      detail,
      cause === undefined ? undefined : { cause },
    );
  }

  #send(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (let start = 0; start < waiting.length; start += batchMax) {
      void this.#exchange(waiting.slice(start, start + batchMax));
    }
  }

  async #exchange(batch: readonly Waiting[]): Promise<void> {
    try {
      const answers = this.#readEntries(await this.#post(batch));
      for (const { id, method, resolve, reject } of batch) {
        const answer = answers.get(id);
        if (answer === undefined) reject(this.fault(`left ${method} without an answer`));
        else resolve(answer);
      }
    } catch (fault) {
      for (const { reject } of batch) reject(fault);
    }
  }

  async #post(batch: readonly Waiting[]): Promise<unknown> {
    const calls = batch.map(({ id, method, params }) => ({ jsonrpc: '2.0', id, method, params }));
    const body = JSON.stringify(calls.length === 1 ? calls[0] : calls);
    const signal = AbortSignal.timeout(this.#options.timeoutMs);
    let response: Response;
    let text: string;
    try {
      response = await this.#fetch(body, signal);
      text = await readBounded(response);
    } catch (cause) {
      if (signal.aborted) throw this.fault(`did not answer within ${this.#options.timeoutMs} ms`, cause);
      throw this.fault('cannot be reached, or broke off', cause);
    }
    if (response.status >= 500 || response.status === 429)
      throw this.fault(`answered HTTP ${response.status}`);
    try {
      return JSON.parse(text) as unknown;
    } catch {
      // No cause: the parser quotes what it could not read.
      throw this.fault(`answered HTTP ${response.status} with what is no JSON`);
    }
  }

  async #fetch(body: string, signal: AbortSignal): Promise<Response> {
    const request = { method: 'POST', headers: { 'content-type': 'application/json' }, body, signal };
    try {
      return await fetch(this.#options.url, request);
    } catch (fault) {
      // A kept connection that the node closed just now; once more on a new one.
      if (!isClosedConnection(fault)) throw fault;
      return fetch(this.#options.url, request);
    }
  }

  #readEntries(answer: unknown): Map<number, RpcAnswer> {
    const answers = new Map<number, RpcAnswer>();
    for (const item of Array.isArray(answer) ? answer : [answer]) {
      const entry = entrySchema.safeParse(item);
      if (!entry.success) {
        const refusal = refusalSchema.safeParse(item);
        if (refusal.success) throw this.fault(`refused: ${describeRpcError(refusal.data.error)}`);
        throw this.fault('gave an answer that is no JSON-RPC');
      }
      const { id, error, result } = entry.data;
      if (answers.has(id)) throw this.fault('gave two answers to one question');
      if (error === undefined && result === undefined) throw this.fault('gave an answer without a result');
      answers.set(id, error === undefined ? { ok: true, result } : { ok: false, error });
    }
    return answers;
  }
}

async function readBounded(response: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of response.body ?? []) {
    bytes += chunk.length;
    if (bytes > answerBytesMax) throw new RangeError(`an answer of more than ${answerBytesMax} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

const closedConnectionSchema = z.object({
  cause: z.object({ code: z.enum(['UND_ERR_SOCKET', 'ECONNRESET', 'EPIPE']) }),
});

function isClosedConnection(fault: unknown): boolean {
  return closedConnectionSchema.safeParse(fault).success;
}
