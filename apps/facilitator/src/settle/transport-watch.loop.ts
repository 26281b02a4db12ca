import { type EventTransport, TransportUnavailableError } from '@quittance/messaging';
import { type Logger, withTimeout } from '@quittance/observability';

import { Repeating } from '../loop/repeating.loop.js';

const pingIntervalMs = 1_000;
const pingTimeoutMs = 2_000;

/** Knows without asking whether events can travel: `/settle` must not promise what nobody would hear of. */
export class TransportWatch {
  readonly #loop: Repeating;
  #fault: unknown = new TransportUnavailableError('it was not asked yet');

  constructor(
    private readonly transport: Pick<EventTransport, 'ping'>,
    logger: Logger,
  ) {
    const step = async (): Promise<'again'> => {
      await this.ask();
      return 'again';
    };
    this.#loop = new Repeating({ name: 'transport watch', logger, restMs: pingIntervalMs, step });
  }

  /**
   * Asks now, and remembers the answer.
   *
   * @throws TransportUnavailableError or TimeoutError.
   */
  async ask(): Promise<void> {
    try {
      await withTimeout(this.transport.ping(), pingTimeoutMs);
      this.#fault = undefined;
    } catch (fault) {
      this.#fault = fault;
      throw fault;
    }
  }

  start(): void {
    this.#loop.start();
  }

  close(): Promise<void> {
    return this.#loop.close();
  }

  /** @throws TransportUnavailableError when the last ping failed. */
  requireAvailable(): void {
    if (this.#fault === undefined) return;
    throw new TransportUnavailableError('its last ping failed', { cause: this.#fault });
  }
}
