import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

import { afterEach, describe, expect, it } from '@jest/globals';

/** Logs, and ends as soon as it is told to. */
const service = `
  import { createLogger, onShutdown } from '@quittance/observability';
  const logger = createLogger({ service: 'ledger', level: 'info' });
  onShutdown({ logger, close: async () => logger.warn('closing') });
  process.send('ready');`;

let child: ChildProcess | undefined;

async function started(): Promise<ChildProcess> {
  child = spawn(process.execPath, ['--input-type=module', '--eval', service], {
    cwd: fileURLToPath(new URL('..', import.meta.url)),
    stdio: ['ignore', 'pipe', 'ignore', 'ipc'],
  });
  await once(child, 'message');
  return child;
}

afterEach(() => {
  child?.kill('SIGKILL');
});

describe('the last lines of a service', () => {
  it('are written before it ends', async () => {
    const running = await started();
    let text = '';
    running.stdout?.on('data', (chunk: Buffer) => (text += chunk.toString()));
    running.kill('SIGTERM');
    expect(await once(running, 'close')).toEqual([0, null]);
    expect(
      text
        .trim()
        .split('\n')
        .map((line) => (JSON.parse(line) as { msg: string }).msg),
    ).toEqual(['shutting down', 'closing', 'closed']);
  });

  it('do not keep it alive when nobody reads them any more', async () => {
    const running = await started();
    running.stdout?.destroy();
    running.kill('SIGTERM');
    expect(await once(running, 'exit')).toEqual([0, null]);
  }, 10_000);

  it('do not keep it alive when its parent is gone with the pipe', async () => {
    const running = await started();
    running.stdout?.destroy();
    running.disconnect();
    expect(await once(running, 'exit')).toEqual([0, null]);
  }, 10_000);
});
