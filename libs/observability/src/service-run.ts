import { armCrashPoint } from './crash-point.js';
import { createLogger, flushed, type Logger, type LogLevel } from './logger.js';
import { ConfigError, type Environment } from './settings.js';
import { onShutdown, type ProcessLike } from './shutdown.js';

export type ServiceRun<Config> = {
  readonly service: string;
  readonly parseConfig: (env: Environment) => Config;
  /** `giveUp` ends the process for what waiting cannot cure, found after the start. */
  readonly start: (
    config: Config,
    logger: Logger,
    giveUp: (error: Error) => void,
  ) => Promise<{ readonly url: string; readonly close: () => Promise<void> }>;
  /** What is logged of the configuration when the service listens. */
  readonly facts?: (config: Config) => Readonly<Record<string, unknown>>;
  readonly env?: Environment;
  readonly process?: ProcessLike;
};

/**
 * A service as a process: reads the settings, starts, and closes on the signals of `onShutdown`. What cannot start is
 * logged as fatal and ends with code 1.
 */
export async function runService<Config extends { readonly logLevel: LogLevel }>(
  run: ServiceRun<Config>,
): Promise<void> {
  const { service, parseConfig, start, facts, env = process.env, process: owner = process } = run;
  let logger = createLogger({ service, level: 'fatal' });
  const giveUp = async (error: unknown): Promise<void> => {
    const fields = error instanceof ConfigError ? { problems: error.problems } : { err: error };
    logger.fatal(fields, error instanceof Error ? error.message : `The ${service} service cannot start.`);
    await flushed(logger);
    // What was begun must not keep a service alive that did not start.
    owner.exit(1);
  };
  try {
    armCrashPoint(service, env);
    const config = parseConfig(env);
    logger = createLogger({ service, level: config.logLevel });
    const { url, close } = await start(config, logger, (error) => void giveUp(error));
    onShutdown({ logger, close, process: owner });
    logger.info({ url, ...facts?.(config) }, 'listening');
  } catch (error) {
    await giveUp(error);
  }
}
