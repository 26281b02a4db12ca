import { Agent, request } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';

import type { Hex } from 'viem';

import type { PreparedPayment } from './prepared-payments.js';

export type Settled = {
  readonly nonce: Hex;
  /** From the first sending to the answer that says success; infinite where there was none. */
  readonly latencyMs: number;
  /** Why not, in the answer's own words. */
  readonly problem?: string;
};

type Answer = {
  readonly status: number;
  readonly retryAfterS: number | undefined;
  readonly body: { readonly success?: boolean; readonly errorReason?: string; readonly code?: string };
};

const patienceMs = 60_000;
const pendingRetryMs = 100;

/** Posts payments to one facilitator over connections that are kept, one for each payment that is waited for. */
export class SettleClient {
  readonly #agent = new Agent({ keepAlive: true, maxSockets: Number.POSITIVE_INFINITY });
  readonly #target: URL;
  #closed = false;
  #open = 0;

  constructor(facilitatorUrl: string) {
    this.#target = new URL('/settle', facilitatorUrl);
  }

  /** Payments sent and not answered for good. */
  get open(): number {
    return this.#open;
  }

  /**
   * Settles a payment. "Pending" and "busy" are asked again with the same bytes, as version 2.27 clients do, and the
   * time runs on.
   */
  async settle({ nonce, body }: PreparedPayment): Promise<Settled> {
    const sent = performance.now();
    this.#open += 1;
    try {
      for (;;) {
        const answer = await this.#post(body);
        const latencyMs = performance.now() - sent;
        if (answer.body.success === true) return { nonce, latencyMs };
        const problem = answer.body.errorReason ?? answer.body.code ?? `status ${answer.status}`;
        const isUndecided = problem === 'settlement_pending' || answer.status === 503;
        if (!isUndecided || latencyMs > patienceMs || this.#closed)
          return { nonce, latencyMs: Number.POSITIVE_INFINITY, problem };
        await sleep(answer.retryAfterS === undefined ? pendingRetryMs : answer.retryAfterS * 1000);
      }
    } catch (fault) {
      const problem = this.#closed ? 'given up' : String(fault);
      return { nonce, latencyMs: Number.POSITIVE_INFINITY, problem };
    } finally {
      this.#open -= 1;
    }
  }

  /** Ends what is still waited for. */
  close(): void {
    this.#closed = true;
    this.#agent.destroy();
  }

  async #post(body: string): Promise<Answer> {
    // Another connection would be opened, and waited on for ever.
    if (this.#closed) throw new TypeError('the client is closed');
    return new Promise((resolve, reject) => {
      const { hostname, port, pathname: path } = this.#target;
      const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) };
      const asked = request(
        { agent: this.#agent, method: 'POST', hostname, port, path, headers },
        (response) => {
          let text = '';
          response.setEncoding('utf8');
          response.on('data', (chunk: string) => (text += chunk));
          response.on('error', reject);
          response.on('end', () => {
            const retryAfter = Number(response.headers['retry-after']);
            resolve({
              status: response.statusCode ?? 0,
              retryAfterS: Number.isFinite(retryAfter) ? retryAfter : undefined,
              body: jsonOf(text),
            });
          });
        },
      );
      asked.on('error', reject);
      asked.end(body);
    });
  }
}

function jsonOf(text: string): Answer['body'] {
  try {
    return JSON.parse(text) as Answer['body'];
  } catch {
    return { errorReason: `no JSON: ${text.slice(0, 80)}` };
  }
}
