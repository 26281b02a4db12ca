import { resolve } from 'node:path';
import { parseArgs } from 'node:util';

import { z } from 'zod';

export type Config = {
  /** Ends after the purchases. */
  readonly once: boolean;
  /** Forgets what earlier runs left. */
  readonly fresh: boolean;
  readonly dataFolder: string;
  readonly ports: {
    readonly facilitator: number;
    readonly settlement: number;
    readonly ledger: number;
    readonly chain: number;
  };
  /** What the ledger is started with as it was given to us; it judges that itself, and says what is wrong. */
  readonly ledger: Readonly<Record<string, string>>;
};

export type PortName = keyof Config['ports'];

/** The setting that moves each port. */
export const portSettings = {
  facilitator: 'FACILITATOR_PORT',
  settlement: 'SETTLEMENT_PORT',
  ledger: 'LEDGER_PORT',
  chain: 'CHAIN_PORT',
} as const satisfies Record<PortName, string>;

/** Arguments or settings that cannot be started with; the message says what to change. */
export class ConfigError extends Error {
  readonly code = 'config_invalid';

  constructor(problem: string) {
    super(problem);
    this.name = 'ConfigError';
  }
}

/** How it is started. */
export const usage = 'npm start [-- --once] [--fresh] [--data <folder>]';

const portMax = 65_535;
const portDemand = `must be a port number, 0 to ${portMax} (0: a free one)`;
// Digits only: what reads an empty text as a number reads 0, and would take a free port that nobody asked for.
const port = (fallback: number, user: string) =>
  z
    .string()
    .regex(/^[0-9]{1,5}$/)
    .transform(Number)
    .pipe(z.number().max(portMax))
    .default(fallback)
    .describe(`Port of the ${user}; 0 takes a free one.`);
const portsSchema = z.object({
  FACILITATOR_PORT: port(4020, 'facilitator'),
  SETTLEMENT_PORT: port(4021, 'settlement service’s health checks'),
  LEDGER_PORT: port(4022, 'ledger'),
  CHAIN_PORT: port(8545, 'dev chain'),
} satisfies Record<(typeof portSettings)[PortName], z.ZodType>);

const ledgerSchema = z.object({
  RECONCILE: z
    .string()
    .default('follow')
    .describe(
      'Given to the ledger: `off`, `demand` or `follow`, whether its books are compared with the dev chain.',
    ),
  TREASURIES: z
    .string()
    .optional()
    .describe('Given to the ledger: wallets of ours besides the relayer, like `{"eip155:84532": ["0x…"]}`.'),
  MERCHANT_FEES: z
    .string()
    .optional()
    .describe(
      'Given to the ledger: what merchants pay for what is settled. Without it nobody pays anything.',
    ),
});

const options = {
  once: {
    type: 'boolean',
    default: false,
    description: 'Ends after the purchases: with exit code 0 only if both were made and the books balance.',
  },
  fresh: { type: 'boolean', default: false, description: 'Throws the kept data away first.' },
  data: {
    type: 'string',
    value: '<folder>',
    defaultText: '.quittance',
    description: 'Folder that keeps database, chain, keys and logs between starts.',
  },
} as const;

/** Every setting of this program, for the documentation; none has to be set. */
export const settings = Object.entries({ ...portsSchema.shape, ...ledgerSchema.shape }).map(
  ([name, schema]) => ({
    name,
    default: schema.parse(undefined) ?? null,
    description: schema.description ?? '',
  }),
);

/** Every option of its command line, for the documentation; a switch is off until it is given. */
export const commandLineOptions = Object.entries(options).map(([name, option]) => ({
  name: option.type === 'string' ? `--${name} ${option.value}` : `--${name}`,
  default: option.type === 'string' ? option.defaultText : 'off',
  description: option.description,
}));

/**
 * Reads the arguments, the port settings (0 means a free one) and what is for the ledger.
 *
 * @throws ConfigError naming what is wrong and what to write instead.
 */
export function parseConfig(
  argv: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
  defaultDataFolder: string,
): Config {
  const values = parseArguments(argv);
  const ports = portsSchema.safeParse(env);
  if (!ports.success) {
    const names = ports.error.issues.map((issue) => String(issue.path[0])).join(', ');
    throw new ConfigError(`${names}: ${portDemand}`);
  }
  return {
    once: values.once,
    fresh: values.fresh,
    dataFolder: resolve(values.data ?? defaultDataFolder),
    ports: {
      facilitator: ports.data.FACILITATOR_PORT,
      settlement: ports.data.SETTLEMENT_PORT,
      ledger: ports.data.LEDGER_PORT,
      chain: ports.data.CHAIN_PORT,
    },
    ledger: ledgerSettings(env),
  };
}

function ledgerSettings(env: Readonly<Record<string, string | undefined>>): Record<string, string> {
  const given = Object.entries(ledgerSchema.parse(env));
  return Object.fromEntries(given.filter((setting): setting is [string, string] => setting[1] !== undefined));
}

function parseArguments(argv: readonly string[]): {
  once: boolean;
  fresh: boolean;
  data?: string | undefined;
} {
  const { values } = readArguments(argv);
  // An empty path would be the folder we happen to be in, and --fresh would clear it.
  if (values.data?.trim() === '') throw new ConfigError(`--data: must be a folder\nUsage: ${usage}`);
  return values;
}

function readArguments(argv: readonly string[]) {
  try {
    return parseArgs({ args: [...argv], options });
  } catch (fault) {
    throw new ConfigError(`${fault instanceof Error ? fault.message : String(fault)}\nUsage: ${usage}`);
  }
}
