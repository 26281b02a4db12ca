import { z } from 'zod';

import { type Block, blockSchema } from './answer.js';

export type HeadWatch = {
  /** Ends the watch; nothing is told any more. */
  close(): void;
  /** Whether new blocks are being announced: while not, ask for them. */
  readonly live: boolean;
};

/** Told of each new block, as it was announced; null when one may have been missed, or could not be read. */
export type OnHead = (head: Block | null) => void;

export type HeadSocketTimings = {
  /** How long a socket may be silent until it is asked whether it is there. */
  readonly silenceMs: number;
  /** How long it has for its answer to that, and for opening. */
  readonly replyTimeoutMs: number;
  readonly retryMinMs: number;
  readonly retryMaxMs: number;
};

const timingsDefault: HeadSocketTimings = {
  silenceMs: 10_000,
  replyTimeoutMs: 5_000,
  retryMinMs: 500,
  retryMaxMs: 30_000,
};

/** Sockets whose other side does not answer the good-bye; more are not opened beside them. */
const lingeringMax = 3;

const subscribeId = 1;
const pingId = 2;
const subscribe = JSON.stringify({
  jsonrpc: '2.0',
  id: subscribeId,
  method: 'eth_subscribe',
  params: ['newHeads'],
});
const ping = JSON.stringify({ jsonrpc: '2.0', id: pingId, method: 'eth_blockNumber', params: [] });

const messageSchema = z.union([
  z
    .object({
      method: z.literal('eth_subscription'),
      params: z.object({ result: blockSchema.nullable().catch(null) }),
    })
    .transform(({ params }) => ({ kind: 'head', head: params.result }) as const),
  z
    .object({ id: z.literal(subscribeId), result: z.string() })
    .transform(() => ({ kind: 'subscribed' }) as const),
  z
    .object({ id: z.literal(subscribeId), error: z.unknown() })
    .transform(() => ({ kind: 'refused' }) as const),
  z.unknown().transform(() => ({ kind: 'other' }) as const),
]);

/** Where there is no socket: never live, never tells. */
export const noHeadWatch: HeadWatch = { close: () => undefined, live: false };

/**
 * Tells of new blocks over a WebSocket, for as long as it is not closed: a socket that breaks, refuses or falls silent
 * is replaced. Also tells each time it comes to life, for what was missed meanwhile.
 */
export class HeadSocket implements HeadWatch {
  readonly #url: string;
  readonly #onHead: OnHead;
  readonly #timings: HeadSocketTimings;
  #socket: WebSocket | undefined;
  #timer: NodeJS.Timeout | undefined;
  #failures = 0;
  #lingering = 0;
  #isLive = false;
  #isClosed = false;

  constructor(
    { url, onHead }: { readonly url: string; readonly onHead: OnHead },
    timings: HeadSocketTimings = timingsDefault,
  ) {
    this.#url = url;
    this.#onHead = onHead;
    this.#timings = timings;
    this.#open();
  }

  get live(): boolean {
    return this.#isLive;
  }

  close(): void {
    this.#isClosed = true;
    this.#abandon();
  }

  #open(): void {
    if (this.#lingering >= lingeringMax) {
      this.#retry();
      return;
    }
    const socket = new WebSocket(this.#url);
    this.#socket = socket;
    socket.addEventListener('open', () => socket.send(subscribe));
    socket.addEventListener('message', ({ data }) => {
      if (this.#socket === socket) this.#hear(data);
    });
    // After an error comes a close, with nothing more to tell: the error's text may hold the URL.
    socket.addEventListener('close', () => {
      if (this.#socket === socket) this.#retry();
      else this.#lingering -= 1;
    });
    this.#after(this.#timings.replyTimeoutMs, () => this.#retry());
  }

  #hear(data: unknown): void {
    const heard = messageSchema.parse(parsed(data));
    if (heard.kind === 'refused') {
      this.#retry();
      return;
    }
    if (heard.kind === 'subscribed') {
      this.#isLive = true;
      this.#failures = 0;
    }
    if (!this.#isLive) return;
    this.#after(this.#timings.silenceMs, () => this.#ping());
    if (heard.kind === 'head') this.#onHead(heard.head);
    if (heard.kind === 'subscribed') this.#onHead(null);
  }

  #ping(): void {
    this.#socket?.send(ping);
    this.#after(this.#timings.replyTimeoutMs, () => this.#retry());
  }

  #retry(): void {
    this.#abandon();
    if (this.#isClosed) return;
    const { retryMinMs, retryMaxMs } = this.#timings;
    const pauseMs = Math.min(retryMinMs * 2 ** this.#failures, retryMaxMs);
    this.#failures += 1;
    this.#after(pauseMs, () => this.#open());
  }

  #abandon(): void {
    clearTimeout(this.#timer);
    const socket = this.#socket;
    this.#socket = undefined;
    this.#isLive = false;
    if (socket === undefined || socket.readyState === WebSocket.CLOSED) return;
    this.#lingering += 1;
    socket.close();
  }

  #after(delayMs: number, act: () => void): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(act, delayMs).unref();
  }
}

function parsed(data: unknown): unknown {
  try {
    return JSON.parse(String(data));
  } catch {
    // Not JSON, so nothing that was asked for; the socket is there all the same.
    return undefined;
  }
}
