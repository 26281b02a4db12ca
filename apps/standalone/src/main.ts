import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { EmbeddedStartError } from '@quittance/embedded';

import { ConfigError, parseConfig } from './config.js';
import { createProgress } from './progress.js';
import { StandaloneError } from './standalone.error.js';
import { runStandalone } from './standalone.js';

const script = fileURLToPath(import.meta.url);
const defaultDataFolder = fileURLToPath(new URL('../../../.quittance', import.meta.url));

// Ctrl-C, `kill`, a closed terminal, and the end of the process that started us all mean the same.
function stopSignal(): AbortSignal {
  const stop = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
    process.on(signal, () => {
      stop.abort(signal);
    });
  }
  const orphaned = (): void => {
    stop.abort('the end of the process that started it');
  };
  process.on('disconnect', orphaned);
  // It may have ended while our modules were loading, before anyone listened.
  if (process.send !== undefined && !process.connected) orphaned();
  return stop.signal;
}

async function main(): Promise<number> {
  const stop = stopSignal();
  // A reader who went away (`| head`) must not keep us from stopping what runs.
  process.stdout.on('error', () => undefined);
  const progress = createProgress((text) => process.stdout.write(text));
  try {
    const config = parseConfig(process.argv.slice(2), process.env, defaultDataFolder);
    await runStandalone({ config, progress, mark: join('standalone', 'dist', 'main.js'), stop });
    return 0;
  } catch (fault) {
    const expected =
      fault instanceof StandaloneError || fault instanceof ConfigError || fault instanceof EmbeddedStartError;
    progress.line(`✗ ${expected ? fault.message : fault instanceof Error ? fault.stack : String(fault)}`);
    return 1;
  }
}

if (process.argv[1] === script) process.exit(await main());
