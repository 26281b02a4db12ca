import { Agent, request } from 'node:http';

export type TargetName = 'facilitator' | 'ledger';

export type FuzzRequest = {
  readonly target: TargetName;
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
  /** How it came to be. */
  readonly origin: string;
};

export type FuzzAnswer = {
  readonly status: number;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly text: string;
  readonly tookMs: number;
  /** How long in that time we stood still ourselves: a machine that does so says nothing about the services. */
  readonly stalledMs: number;
};

const answerTimeoutMs = 90_000;
const tickMs = 50;

/** Sends requests as they are to a service over connections that are kept. */
export class Sender {
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 64 });
  readonly #ticking: NodeJS.Timeout;
  #stalledMs = 0;

  constructor(private readonly urls: Readonly<Record<TargetName, string>>) {
    let last = performance.now();
    this.#ticking = setInterval(() => {
      const now = performance.now();
      this.#stalledMs += Math.max(0, now - last - 2 * tickMs);
      last = now;
    }, tickMs);
  }

  /** A text says why there is no answer. */
  async send(request: FuzzRequest): Promise<FuzzAnswer | string> {
    const stalledBefore = this.#stalledMs;
    const first = await this.#exchange(request);
    // The server may close a connection that was idle just when it is used again: that is for clients to live with.
    const answer = first === 'idle' ? await this.#exchange(request) : first;
    if (typeof answer === 'string') return answer === 'idle' ? 'no answer: ECONNRESET' : answer;
    return { ...answer, stalledMs: this.#stalledMs - stalledBefore };
  }

  async #exchange({ target, method, path, headers, body }: FuzzRequest): Promise<FuzzAnswer | string> {
    const { hostname, port } = new URL(this.urls[target]);
    const started = performance.now();
    // Of methods that have none, the client would send a body without saying so: that is no HTTP.
    const length =
      'transfer-encoding' in headers || body.length === 0 ? {} : { 'content-length': String(body.length) };
    const options = { agent: this.#agent, hostname, port, method, path, timeout: answerTimeoutMs };
    return new Promise((resolve) => {
      try {
        const sent = request({ ...options, headers: { ...headers, ...length } }, (response) => {
          const chunks: Buffer[] = [];
          response.on('data', (chunk: Buffer) => chunks.push(chunk));
          response.on('error', (fault) => resolve(`broke off: ${fault.message}`));
          response.on('end', () =>
            resolve({
              status: response.statusCode ?? 0,
              headers: response.headers,
              text: Buffer.concat(chunks).toString(),
              tookMs: performance.now() - started,
              stalledMs: 0,
            }),
          );
        });
        sent.on('timeout', () => sent.destroy(new RangeError('no answer in time')));
        sent.on('error', (fault: NodeJS.ErrnoException) =>
          resolve(sent.reusedSocket && fault.code === 'ECONNRESET' ? 'idle' : `no answer: ${fault.message}`),
        );
        sent.end(body);
      } catch (fault) {
        // Ours: the client refuses to send it.
        resolve(`not sent: ${String(fault)}`);
      }
    });
  }

  close(): void {
    clearInterval(this.#ticking);
    this.#agent.destroy();
  }
}
