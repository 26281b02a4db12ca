import { flushed, type Logger } from './logger.js';
import { withTimeout } from './timeout.js';

export const shutdownTimeoutMs = 5_000;

/** The part of `process` that ends a service; a test brings its own. */
export type ProcessLike = {
  readonly connected?: boolean;
  once(event: 'SIGTERM' | 'SIGINT' | 'disconnect', listener: () => void): unknown;
  exit(code: number): unknown;
};

export type ShutdownOptions = {
  readonly logger: Logger;
  readonly close: () => Promise<void>;
  readonly timeoutMs?: number;
  readonly process?: ProcessLike;
};

/**
 * Closes the service once on SIGTERM, SIGINT or when the parent's IPC channel goes away, and ends the process:
 * code 0 when it closed, 1 when it failed to or the time was up.
 */
export function onShutdown(options: ShutdownOptions): void {
  const owner: ProcessLike = options.process ?? process;
  let begun = false;
  const begin = (cause: string): void => {
    if (begun) return;
    begun = true;
    options.logger.info({ cause }, 'shutting down');
    void settled(options).then((code) => owner.exit(code));
  };
  owner.once('SIGTERM', () => begin('SIGTERM'));
  owner.once('SIGINT', () => begin('SIGINT'));
  if (owner.connected === true) owner.once('disconnect', () => begin('disconnect'));
}

async function settled({ close, logger, timeoutMs = shutdownTimeoutMs }: ShutdownOptions): Promise<number> {
  try {
    await withTimeout(close(), timeoutMs);
    logger.info('closed');
    await flushed(logger);
    return 0;
  } catch (error) {
    logger.error({ err: error }, 'did not close in time or in order');
    await flushed(logger);
    return 1;
  }
}
