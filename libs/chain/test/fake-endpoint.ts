import type { ServerResponse } from 'node:http';

import { answer, type FakeNode, type Question, startFakeNode } from './fake-node.js';

type RpcError = { readonly code: number; readonly message: string };

export type Mood = 'well' | 'stalled' | 'http500' | 'http429' | 'overloaded' | 'garbled' | 'forgetful';

/** A node of a pool, which a test can make fail in the ways that nodes do. */
export class FakeEndpoint {
  mood: Mood = 'well';
  height = 100n;
  transactionCount = 0n;
  /** To `eth_sendRawTransaction`; left out: it takes it. */
  sendError: RpcError | undefined;
  /** To everything else. */
  error: RpcError | undefined;
  readonly #node: FakeNode;

  private constructor(
    readonly name: string,
    start: (respond: (questions: readonly Question[], response: ServerResponse) => void) => FakeNode,
  ) {
    this.#node = start((questions, response) => this.#respond(questions, response));
  }

  static async start(name: string): Promise<FakeEndpoint> {
    let respond: ((questions: readonly Question[], response: ServerResponse) => void) | undefined;
    const node = await startFakeNode((questions, response) => respond?.(questions, response));
    return new FakeEndpoint(name, (given) => {
      respond = given;
      return node;
    });
  }

  get url(): string {
    return this.#node.url;
  }

  async stop(): Promise<void> {
    await this.#node.stop();
  }

  /** How often it was asked something by this name. */
  asked(method: string): number {
    return this.#node.requests.flat().filter((question) => question.method === method).length;
  }

  /** The requests that held a question by this name, as names. */
  requestsWith(method: string): string[][] {
    return this.#node.requests
      .map((questions) => questions.map((question) => question.method))
      .filter((methods) => methods.includes(method));
  }

  #respond(questions: readonly Question[], response: ServerResponse): void {
    if (this.mood === 'stalled') return;
    if (this.mood === 'garbled') {
      response.end('<html>Bad gateway</html>');
      return;
    }
    const answered = this.mood === 'forgetful' ? questions.slice(1) : questions;
    const answers = answered.map((question) => ({
      jsonrpc: '2.0',
      id: question.id,
      ...this.#answer(question),
    }));
    const status = { http500: 500, http429: 429 }[this.mood as string] ?? 200;
    answer(response, questions.length === 1 ? (answers[0] ?? []) : answers, status);
  }

  #answer({ method }: Question): object {
    if (this.mood === 'overloaded') return { error: { code: -32_005, message: 'rate limit exceeded' } };
    if (method === 'eth_blockNumber') return { result: `0x${this.height.toString(16)}` };
    if (method === 'eth_getTransactionCount') return { result: `0x${this.transactionCount.toString(16)}` };
    if (method === 'eth_sendRawTransaction') {
      return this.sendError === undefined ? { result: `0x${'12'.repeat(32)}` } : { error: this.sendError };
    }
    return this.error === undefined ? { result: this.name } : { error: this.error };
  }
}
