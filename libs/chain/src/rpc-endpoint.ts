import type { ChainId } from '@quittance/money';

import { ChainUnavailableError } from './chain-error.js';
import { type BreakerLimits, CircuitBreaker } from './circuit-breaker.js';
import { JsonRpc, type Question, type RpcAnswer } from './json-rpc.js';
import { isOneNodesTrouble, isOverload } from './rpc-error.js';

/** Providers answer at most some hundred in one; more go out as several. */
export const batchMax = 50;
/** After it, what a node that is gone once said no longer makes others look late. */
const heightLifetimeMs = 120_000;

/** What came of asking one endpoint a unit of questions. */
export type Exchange = {
  readonly answers: ReadonlyMap<number, RpcAnswer>;
  /** Why questions without an answer have none, where there is a reason beside silence. */
  readonly fault: unknown;
  /** Whether every question has an answer that another endpoint would not better. */
  readonly isComplete: boolean;
};

/** One of a chain's nodes: what it answers, and what is to be thought of it. */
export class RpcEndpoint {
  readonly index: number;
  readonly breaker: CircuitBreaker;
  readonly #rpc: JsonRpc;
  #height: { readonly value: bigint; readonly at: number } | undefined;
  /** Set by the pool, which knows the others' heights. */
  isLagging = false;

  constructor(
    index: number,
    {
      chainId,
      url,
      breaker,
    }: { readonly chainId: ChainId; readonly url: string; readonly breaker: BreakerLimits },
  ) {
    this.index = index;
    this.breaker = new CircuitBreaker(breaker);
    this.#rpc = new JsonRpc({ chainId, url });
  }

  /** The block it was last seen at; null when that is long ago. */
  get height(): bigint | null {
    const seen = this.#height;
    return seen === undefined || performance.now() - seen.at > heightLifetimeMs ? null : seen.value;
  }

  /** Asks everything at the same time, in as few requests as providers take. Never throws a ChainUnavailableError. */
  async exchange(questions: readonly Question[], timeoutMs: number): Promise<Exchange> {
    const requests: Promise<ReadonlyMap<number, RpcAnswer>>[] = [];
    for (let start = 0; start < questions.length; start += batchMax) {
      requests.push(this.#rpc.exchange(questions.slice(start, start + batchMax), timeoutMs));
    }
    const answers = new Map<number, RpcAnswer>();
    let fault: unknown;
    for (const settled of await Promise.allSettled(requests)) {
      if (settled.status === 'fulfilled') for (const [id, answer] of settled.value) answers.set(id, answer);
      else if (settled.reason instanceof ChainUnavailableError) fault ??= settled.reason;
      else throw settled.reason;
    }
    return this.#judged(questions, { answers, fault });
  }

  #judged(questions: readonly Question[], { answers, fault }: Omit<Exchange, 'isComplete'>): Exchange {
    let isFaulty = fault !== undefined;
    let isComplete = !isFaulty;
    for (const question of questions) {
      const answer = answers.get(question.id);
      if (answer === undefined || (!answer.ok && isOverload(answer.error))) isFaulty = true;
      if (answer === undefined || (!answer.ok && isOneNodesTrouble(answer.error))) isComplete = false;
      if (answer?.ok === true) this.#noteHeight(question, answer.result);
    }
    if (isFaulty) this.breaker.noteFault();
    else this.breaker.noteSuccess();
    return { answers, fault, isComplete };
  }

  #noteHeight({ method, params }: Question, result: unknown): void {
    const height =
      method === 'eth_blockNumber'
        ? result
        : method === 'eth_getBlockByNumber' && params[0] === 'latest' && typeof result === 'object'
          ? (result as { readonly number?: unknown } | null)?.number
          : undefined;
    if (typeof height === 'string' && /^0x[0-9a-fA-F]{1,16}$/.test(height)) {
      this.#height = { value: BigInt(height), at: performance.now() };
    }
  }
}
