import { performance } from 'node:perf_hooks';

import { Books } from './books.js';
import type { Config } from './config.js';
import { DataFolder } from './data-folder.js';
import type { Progress } from './progress.js';
import { makePurchase, type Purchase } from './purchase.js';
import { purchaseReport, trialBalanceReport } from './report.js';
import { StandaloneError } from './standalone.error.js';
import { type Addresses, Supervisor } from './supervisor.js';

export type StandaloneOptions = {
  readonly config: Config;
  readonly progress: Progress;
  /** What the command line of another supervisor contains. */
  readonly mark: string;
  /** Aborted when the user wants the end; the reason is what told us, in words. */
  readonly stop: AbortSignal;
};

/**
 * Starts everything, makes the two purchases, and stays up until it is told to stop (or not, with `--once`).
 *
 * @throws StandaloneError, EmbeddedStartError: what kept it from working. All that was started has then been stopped.
 */
export async function runStandalone({ config, progress, mark, stop }: StandaloneOptions): Promise<void> {
  const stopped = new Promise<'stopped'>((resolve) => {
    const resolveStopped = (): void => {
      resolve('stopped');
    };
    if (stop.aborted) resolveStopped();
    else stop.addEventListener('abort', resolveStopped, { once: true });
  });
  const folder = DataFolder.open({ path: config.dataFolder, mark });
  const supervisor = new Supervisor(folder, progress);
  try {
    const work = proveIt(supervisor, { config, progress, folder });
    // The work ends badly when it is stopped half-way, and then nobody waits for it.
    work.catch(() => undefined);
    const shown = await Promise.race([work, stopped]);
    if (shown === 'stopped') {
      // `--once` is a question: did it work? Without the purchases the answer is not yes.
      if (config.once) throw stoppedEarly(stop);
      return;
    }
    if (config.once) return;
    printAddresses(progress, { ...shown, folder });
    const end = await Promise.race([stopped, supervisor.partEnded()]);
    if (end !== 'stopped') {
      throw new StandaloneError('part_ended', `${end} ended by itself; its log is in ${folder.logs}`);
    }
  } finally {
    const started = performance.now();
    await progress.wait('stopping', async () => supervisor.stop());
    progress.line(
      `Stopped in ${Math.round(performance.now() - started)} ms; the data stays in ${folder.path}`,
    );
  }
}

function stoppedEarly(stop: AbortSignal): StandaloneError {
  return new StandaloneError(
    'stopped_early',
    `Stopped by ${String(stop.reason)} before both purchases were made and booked`,
  );
}

type Shown = { readonly addresses: Addresses; readonly purchases: readonly Purchase[] };
type Parts = { readonly config: Config; readonly progress: Progress; readonly folder: DataFolder };

async function proveIt(supervisor: Supervisor, { config, progress, folder }: Parts): Promise<Shown> {
  const began = performance.now();
  progress.line('Starting Quittance');
  const addresses = await supervisor.start(config);
  progress.line(`  up after ${Math.round(performance.now() - began)} ms`);
  const books = new Books(addresses.ledger);
  const payTo = folder.secrets().merchant;
  const purchases: Purchase[] = [];
  for (const generation of ['v2', 'v1'] as const) {
    const purchase = await progress.step(`purchase, protocol ${generation}`, async () =>
      makePurchase({
        generation,
        facilitatorUrl: addresses.facilitator,
        rpcUrl: addresses.chain,
        payTo,
      }),
    );
    const served = performance.now();
    const booked = await progress.step('posted in the ledger', async () => books.posted(purchase.paymentId));
    progress.line();
    for (const line of purchaseReport(purchase, booked, performance.now() - served)) progress.line(line);
    purchases.push(purchase);
  }
  progress.line();
  const balance = await progress.step('trial balance', async () => books.trialBalance());
  for (const line of trialBalanceReport(balance)) progress.line(line);
  progress.line();
  return { addresses, purchases };
}

function printAddresses(
  progress: Progress,
  { addresses, purchases, folder }: Shown & { folder: DataFolder },
): void {
  const { facilitator, ledger, chain } = addresses;
  for (const line of [
    'Running. Ctrl-C ends it.',
    `  facilitator  ${facilitator}   API ${facilitator}/docs`,
    `  ledger       ${ledger}   API ${ledger}/docs`,
    `  dev chain    ${chain}   eip155:84532`,
    `  data         ${folder.path}`,
    `  logs         ${folder.logs}`,
    `  tokens       ${folder.secretsFile}   (ledgerTokens: operator, approver, controller, auditor)`,
    '',
    'Try: the whole story of the first purchase, from the books',
    `  curl -s ${ledger}/payments/${purchases[0]?.paymentId ?? ''}`,
    'More of that: README.md, "For finance"',
  ]) {
    progress.line(line);
  }
}
