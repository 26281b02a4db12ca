import type { ChainId } from '@quittance/money';
import type { Address, Hex } from 'viem';
import type { z } from 'zod';

import { hashSchema, quantitySchema } from './answer.js';
import { combineOutcomes, isTaken, outcomeOf } from './broadcast.js';
import { ChainUnavailableError } from './chain-error.js';
import type { BreakerLimits } from './circuit-breaker.js';
import { isOutOfStep } from './heights.js';
import type { Question, RpcAnswer } from './json-rpc.js';
import { batchMax, type Exchange, RpcEndpoint } from './rpc-endpoint.js';
import { type BroadcastOutcome, describeRpcError } from './rpc-error.js';

const probeIntervalDefaultMs = 3_000;
const breakerDefault: BreakerLimits = { faultsMax: 3, pauseMinMs: 1_000, pauseMaxMs: 60_000 };
/** Too little for a node to answer in. */
const attemptMinMs = 20;

export type RpcPoolOptions = {
  readonly chainId: ChainId;
  /** At least one. The first is read from as long as it is as good as the others. */
  readonly urls: readonly string[];
  /** From the question to its answer, by whichever endpoint. */
  readonly timeoutMs: number;
  readonly probeIntervalMs?: number;
  readonly breaker?: BreakerLimits;
};

/** What is thought of an endpoint, which is named by its place in the setting: its URL may hold a key. */
export type EndpointHealth = {
  readonly index: number;
  readonly healthy: boolean;
  readonly height: bigint | null;
  readonly lagging: boolean;
};

type Waiting = Question & {
  readonly resolve: (answer: RpcAnswer) => void;
  readonly reject: (fault: unknown) => void;
};

/**
 * The nodes of a chain behind one face. What is asked in one turn of the event loop goes to one endpoint, in one
 * request: answers of one turn are of one node. Where that faults the whole turn is asked of another.
 */
export class RpcPool {
  readonly #options: RpcPoolOptions;
  readonly #endpoints: readonly RpcEndpoint[];
  readonly #waiting = new Map<RpcEndpoint | undefined, Waiting[]>();
  #probing: NodeJS.Timeout | undefined;
  #isProbing = false;
  #isClosed = false;
  #lastId = 0;

  constructor(options: RpcPoolOptions) {
    const { chainId, urls, breaker = breakerDefault } = options;
    this.#options = options;
    this.#endpoints = urls.map((url, index) => new RpcEndpoint(index, { chainId, url, breaker }));
  }

  /**
   * Asks and returns a node's answer, an error included.
   *
   * @throws ChainUnavailableError when there is none.
   */
  async ask(method: string, ...params: readonly unknown[]): Promise<RpcAnswer> {
    return this.#enqueue(undefined, method, params);
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
    const options = cause === undefined ? undefined : { cause };
    return new ChainUnavailableError(this.#options.chainId, detail, options);
  }

  /**
   * Hands a signed transaction to all endpoints at the same time, and returns as soon as one has it.
   *
   * @throws ChainUnavailableError when none answered. It may have been taken all the same.
   */
  async broadcast(raw: Hex): Promise<BroadcastOutcome> {
    const outcomes: BroadcastOutcome[] = [];
    let fault: unknown;
    await new Promise<void>((resolve) => {
      const sending = this.#endpoints.map(async (endpoint) => {
        try {
          const outcome = await this.#send(endpoint, raw);
          outcomes.push(outcome);
          if (isTaken(outcome)) resolve();
        } catch (error) {
          fault ??= error;
        }
      });
      void Promise.all(sending).then(() => resolve());
    });
    const combined = combineOutcomes(outcomes);
    if (combined === undefined) throw fault;
    return combined;
  }

  /**
   * An account's nonce at the latest block: the highest that any endpoint reports. Those that are behind are not
   * believed, even where no other answers.
   *
   * @throws ChainUnavailableError when no endpoint that keeps up answered.
   */
  async transactionCountMax(address: Address): Promise<bigint> {
    const asked = await Promise.allSettled(
      this.#working().map(async (endpoint) => {
        const [answer] = await Promise.all([
          this.#enqueue(endpoint, 'eth_getTransactionCount', [address, 'latest']),
          this.#endpoints.length > 1 ? this.#enqueue(endpoint, 'eth_blockNumber', []) : undefined,
        ]);
        if (!answer.ok)
          throw this.fault(`refused eth_getTransactionCount: ${describeRpcError(answer.error)}`);
        return { endpoint, count: this.read(quantitySchema, 'eth_getTransactionCount', answer.result) };
      }),
    );
    this.#judgeHeights();
    const told = asked.flatMap((settled) => (settled.status === 'fulfilled' ? [settled.value] : []));
    const highest = told.reduce((max, { count }) => (count > max ? count : max), -1n);
    const isAlone = this.#endpoints.length === 1;
    if (told.some(({ endpoint }) => isAlone || (endpoint.height !== null && !endpoint.isLagging)))
      return highest;
    const faulted = asked.find((settled) => settled.status === 'rejected');
    throw faulted?.reason ?? this.fault('lags, and its word on nonces is not taken');
  }

  endpointsHealth(): readonly EndpointHealth[] {
    return this.#endpoints.map(({ index, breaker, height, isLagging }) => ({
      index,
      healthy: breaker.isClosed,
      height,
      lagging: isLagging,
    }));
  }

  /** Ends the probes. What is asked already is still answered. */
  close(): void {
    this.#isClosed = true;
    clearInterval(this.#probing);
  }

  async #send(endpoint: RpcEndpoint, raw: Hex): Promise<BroadcastOutcome> {
    const answer = await this.#enqueue(endpoint, 'eth_sendRawTransaction', [raw]);
    if (answer.ok) this.read(hashSchema, 'eth_sendRawTransaction', answer.result);
    const outcome = outcomeOf(answer);
    if (outcome !== undefined) return outcome;
    const said = answer.ok ? '' : describeRpcError(answer.error);
    throw this.fault(`refused eth_sendRawTransaction: ${said}`);
  }

  async #enqueue(
    endpoint: RpcEndpoint | undefined,
    method: string,
    params: readonly unknown[],
  ): Promise<RpcAnswer> {
    this.#probeFromNowOn();
    const only = this.#endpoints.length === 1 ? undefined : endpoint;
    return new Promise((resolve, reject) => {
      this.#lastId += 1;
      const question = { id: this.#lastId, method, params, resolve, reject };
      if (this.#waiting.size === 0) setImmediate(() => this.#flush());
      const waiting = this.#waiting.get(only);
      if (waiting === undefined) this.#waiting.set(only, [question]);
      else waiting.push(question);
    });
  }

  #flush(): void {
    const turn = [...this.#waiting];
    this.#waiting.clear();
    for (const [endpoint, waiting] of turn) {
      // Where there is but one endpoint, no request of a turn needs to wait for the others.
      const unitMax = this.#endpoints.length === 1 ? batchMax : waiting.length;
      for (let start = 0; start < waiting.length; start += unitMax) {
        void this.#settle(waiting.slice(start, start + unitMax), endpoint);
      }
    }
  }

  async #settle(unit: readonly Waiting[], endpoint: RpcEndpoint | undefined): Promise<void> {
    try {
      const { answers, fault } = await this.#exchange(
        unit,
        endpoint === undefined ? this.#inOrder() : [endpoint],
      );
      for (const { id, method, resolve, reject } of unit) {
        const answer = answers.get(id);
        if (answer !== undefined) resolve(answer);
        else reject(fault ?? this.fault(`left ${method} without an answer`));
      }
    } catch (error) {
      for (const { reject } of unit) reject(error);
    }
  }

  /** Asks one endpoint after another until one has the whole answer; else what the first had of it. */
  async #exchange(unit: readonly Waiting[], candidates: readonly RpcEndpoint[]): Promise<Exchange> {
    const { timeoutMs } = this.#options;
    const deadline = performance.now() + timeoutMs;
    let best: Exchange | undefined;
    for (const [tried, endpoint] of candidates.entries()) {
      const leftMs = Math.round(deadline - performance.now());
      if (best !== undefined && leftMs < attemptMinMs) break;
      const isLast = tried === candidates.length - 1;
      const attempt = await endpoint.exchange(unit, isLast ? leftMs : Math.ceil(leftMs / 2));
      this.#judgeHeight(endpoint);
      if (attempt.isComplete) return attempt;
      if (best === undefined || attempt.answers.size > best.answers.size) best = attempt;
    }
    return best ?? { answers: new Map(), fault: this.fault('has no endpoint'), isComplete: false };
  }

  /** Those that do not just fault; when there are none, all of them. */
  #working(): readonly RpcEndpoint[] {
    const working = this.#endpoints.filter(({ breaker }) => breaker.isClosed);
    return working.length === 0 ? this.#endpoints : working;
  }

  /** Those that keep up, then those that lag. */
  #inOrder(): readonly RpcEndpoint[] {
    return this.#working().toSorted((a, b) => Number(a.isLagging) - Number(b.isLagging));
  }

  #judgeHeight(endpoint: RpcEndpoint): void {
    if (endpoint.height === null) return;
    const others = this.#endpoints.flatMap(({ index, height }) =>
      index === endpoint.index || height === null ? [] : [height],
    );
    endpoint.isLagging = isOutOfStep(endpoint.height, others);
  }

  #judgeHeights(): void {
    for (const endpoint of this.#endpoints) this.#judgeHeight(endpoint);
  }

  #probeFromNowOn(): void {
    if (this.#endpoints.length === 1 || this.#probing !== undefined || this.#isClosed) return;
    const intervalMs = this.#options.probeIntervalMs ?? probeIntervalDefaultMs;
    this.#probing = setInterval(() => void this.#probe(), intervalMs).unref();
    void this.#probe();
  }

  /** Asks each endpoint for its height: also the trial of those whose circuit is open. */
  async #probe(): Promise<void> {
    if (this.#isProbing) return;
    this.#isProbing = true;
    const probed = this.#endpoints.filter(({ breaker }) => breaker.isClosed || breaker.isTrialDue);
    await Promise.allSettled(probed.map(async (endpoint) => this.#enqueue(endpoint, 'eth_blockNumber', [])));
    this.#judgeHeights();
    this.#isProbing = false;
  }
}
