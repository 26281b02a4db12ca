import { migrate } from './migration.js';
import { setServicePasswords, type ServicePasswords } from './service-password.js';

const adminUrlSetting = 'DATABASE_ADMIN_URL';
const passwordSettings = {
  facilitator: 'FACILITATOR_DATABASE_PASSWORD',
  settlement: 'SETTLEMENT_DATABASE_PASSWORD',
  ledger: 'LEDGER_DATABASE_PASSWORD',
} as const satisfies Record<keyof ServicePasswords, string>;

/** Every setting of the migrations, for the documentation. Without a default it is required; with null it is not. */
export const settings: readonly {
  readonly name: string;
  readonly default?: null;
  readonly description: string;
}[] = [
  { name: adminUrlSetting, description: 'Postgres, as a role that may create schemas and roles.' },
  ...Object.entries(passwordSettings).map(([service, name]) => ({
    name,
    default: null,
    description: `Password to give the role quittance_${service}; left out, the role stays as it is. Never logged.`,
  })),
];

/** Brings a database up to date: DATABASE_ADMIN_URL, and a password for each service role that shall log in. */
async function run(environment: NodeJS.ProcessEnv): Promise<void> {
  const adminUrl = environment[adminUrlSetting];
  if (adminUrl === undefined || adminUrl === '') {
    process.stderr.write(`Set ${adminUrlSetting} to the URL of a role that may create schemas and roles.\n`);
    process.exitCode = 2;
    return;
  }
  const applied = await migrate({ adminUrl, onStep: (name) => process.stdout.write(`applied ${name}\n`) });
  if (applied.length === 0) process.stdout.write('nothing to apply\n');
  await setServicePasswords({ adminUrl, passwords: passwordsFrom(environment) });
}

function passwordsFrom(environment: NodeJS.ProcessEnv): ServicePasswords {
  return Object.fromEntries(
    Object.entries(passwordSettings)
      .map(([service, name]) => [service, environment[name]] as const)
      .filter(([, password]) => password !== undefined && password !== ''),
  );
}

async function main(): Promise<void> {
  try {
    await run(process.env);
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = 1;
  }
}

// Not `if (import.meta.main)`: a Node that does not know it yet would take a migration for done.
if ((import.meta.main as boolean | undefined) !== false) await main();
