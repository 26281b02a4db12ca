import { z } from 'zod';

import { type LogLevel, logLevels } from './logger.js';

const portMax = 65_535;

export type Environment = Readonly<Record<string, string | undefined>>;

/** Settings that cannot be started with; the message lists each by name, and never a value. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  readonly code = 'config_invalid';

  constructor(
    service: string,
    readonly problems: readonly string[],
  ) {
    super(
      `The ${service} service cannot start with these settings:\n${problems.map((problem) => `- ${problem}`).join('\n')}`,
    );
  }
}

/** A setting of a certain form; `demand` completes the sentence "it …", as the messages of all settings do. */
export function textSetting(pattern: RegExp, demand: string) {
  return z.string({ error: demand }).regex(pattern, { error: demand });
}

/** A whole number in plain digits, with both bounds allowed. */
export function wholeNumberSetting(min: number, max: number) {
  const error = `must be a whole number from ${min} to ${max}`;
  return textSetting(/^[0-9]{1,9}$/, error)
    .transform(Number)
    .pipe(z.number().min(min, { error }).max(max, { error }));
}

export type ServiceSettingsOptions = {
  /** The role in Postgres that the service has. */
  readonly role: string;
  /** Where it listens unless told otherwise. */
  readonly port: number;
  readonly listensFor: string;
};

/** The settings that every service has; an app spreads them into its own schema. */
export function serviceSettings({ role, port, listensFor }: ServiceSettingsOptions) {
  return {
    DATABASE_URL: textSetting(
      /^postgres(ql)?:\/\//,
      `must be a postgresql:// URL of the role ${role}`,
    ).describe(`Postgres, as the role ${role}.`),
    HOST: z
      .string()
      .min(1, { error: 'must be an address to listen on' })
      .default('127.0.0.1')
      .describe(`Address to listen on, for ${listensFor}.`),
    PORT: wholeNumberSetting(0, portMax).default(port).describe('Port to listen on; 0 takes a free one.'),
    LOG_LEVEL: z
      .enum(logLevels, { error: `must be one of ${logLevels.join(', ')}` })
      .default('info')
      .describe('Least severe level that is logged.'),
  };
}

export type ServiceConfig = {
  readonly databaseUrl: string;
  readonly host: string;
  readonly port: number;
  readonly logLevel: LogLevel;
};

/** What the settings that every service has come to. */
export function serviceConfig(set: z.output<z.ZodObject<ReturnType<typeof serviceSettings>>>): ServiceConfig {
  return { databaseUrl: set.DATABASE_URL, host: set.HOST, port: set.PORT, logLevel: set.LOG_LEVEL };
}

type SettingsSchema = z.ZodObject<Readonly<Record<string, z.ZodType>>>;

export type SettingsReading<Schema extends SettingsSchema> = {
  readonly service: string;
  readonly schema: Schema;
  readonly env: Environment;
  /** What is wrong with settings taken together, asked when each by itself is right. */
  readonly checks: ReadonlyArray<(set: z.output<Schema>) => string | undefined>;
};

/**
 * Reads the settings of a service.
 *
 * @throws ConfigError naming each wrong setting, down to the field inside it, and what to set.
 */
export function readSettings<Schema extends SettingsSchema>(
  reading: SettingsReading<Schema>,
): z.output<Schema> {
  const { service, schema, env, checks } = reading;
  const parsed = schema.safeParse(env);
  const problems = parsed.success
    ? checks.map((check) => check(parsed.data)).filter((problem) => problem !== undefined)
    : parsed.error.issues.map((issue) => problemOf(issue, schema, env));
  if (!parsed.success || problems.length > 0) throw new ConfigError(service, problems);
  return parsed.data;
}

function problemOf({ path, message }: z.core.$ZodIssue, { shape }: SettingsSchema, env: Environment): string {
  const name = String(path[0]);
  return env[name] === undefined
    ? `${name} is not set: it ${message}. ${shape[name]?.description ?? ''}`.trim()
    : `${z.core.toDotPath(path)}: ${message}`;
}

export type SettingDescription = {
  readonly name: string;
  /** Without one the setting is required; with null it may be left out. */
  readonly default?: unknown;
  readonly description: string;
};

/** Name, default and meaning of each setting, for the documentation. */
export function describeSettings({ shape }: SettingsSchema): readonly SettingDescription[] {
  return Object.entries(shape).map(([name, schema]) => {
    const { success, data } = schema.safeParse(undefined);
    return { name, ...(success ? { default: data ?? null } : {}), description: schema.description ?? '' };
  });
}
