import type { ChainId } from '@quittance/money';
import { z } from 'zod';

import { ChainUnavailableError } from './chain-error.js';
import { AnswerOverdueError, type HttpAnswer, HttpPost } from './http-post.js';
import { describeRpcError, type RpcError } from './rpc-error.js';

export type RpcAnswer =
  { readonly ok: true; readonly result: unknown } | { readonly ok: false; readonly error: RpcError };

export type Question = { readonly id: number; readonly method: string; readonly params: readonly unknown[] };

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
 * JSON-RPC over HTTP with one node. Answers are matched by id: a node that leaves one out or mixes them up must never
 * make one question's answer another's. viem's transport matches by position, and its time-out ends with the
 * response's headers.
 */
export class JsonRpc {
  readonly #chainId: ChainId;
  readonly #http: HttpPost;

  constructor({ chainId, url }: { readonly chainId: ChainId; readonly url: string }) {
    this.#chainId = chainId;
    this.#http = new HttpPost(url);
  }

  /**
   * Asks in one request. Questions that the node left out are missing from the answers.
   *
   * @param timeoutMs From the request to the last byte of its answer.
   * @throws ChainUnavailableError when there is no answer, or none that is JSON-RPC.
   */
  async exchange(questions: readonly Question[], timeoutMs: number): Promise<ReadonlyMap<number, RpcAnswer>> {
    const calls = questions.map(({ id, method, params }) => ({ jsonrpc: '2.0', id, method, params }));
    const body = JSON.stringify(calls.length === 1 ? calls[0] : calls);
    return this.#readEntries(await this.#post(body, timeoutMs));
  }

  #fault(detail: string, cause?: unknown): ChainUnavailableError {
    return new ChainUnavailableError(this.#chainId, detail, cause === undefined ? undefined : { cause });
  }

  async #post(body: string, timeoutMs: number): Promise<unknown> {
    const { status, text } = await this.#send(body, timeoutMs);
    if (status >= 500 || status === 429) throw this.#fault(`answered HTTP ${status}`);
    try {
      return JSON.parse(text) as unknown;
    } catch {
      // No cause: the parser quotes what it could not read.
      throw this.#fault(`answered HTTP ${status} with what is no JSON`);
    }
  }

  async #send(body: string, timeoutMs: number): Promise<HttpAnswer> {
    try {
      return await this.#http.send(body, timeoutMs);
    } catch (cause) {
      const isOverdue = cause instanceof AnswerOverdueError;
      const detail = isOverdue ? `did not answer within ${timeoutMs} ms` : 'cannot be reached, or broke off';
      throw this.#fault(detail, cause);
    }
  }

  #readEntries(answer: unknown): Map<number, RpcAnswer> {
    const answers = new Map<number, RpcAnswer>();
    for (const item of Array.isArray(answer) ? answer : [answer]) {
      const entry = entrySchema.safeParse(item);
      if (!entry.success) {
        const refusal = refusalSchema.safeParse(item);
        if (refusal.success) throw this.#fault(`refused: ${describeRpcError(refusal.data.error)}`);
        throw this.#fault('gave an answer that is no JSON-RPC');
      }
      const { id, error, result } = entry.data;
      if (answers.has(id)) throw this.#fault('gave two answers to one question');
      if (error === undefined && result === undefined) throw this.#fault('gave an answer without a result');
      answers.set(id, error === undefined ? { ok: true, result } : { ok: false, error });
    }
    return answers;
  }
}
