import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import { afterAll, describe, expect, it } from '@jest/globals';
import { freePort, isRunning } from '@quittance/embedded';

import { ServiceProcess } from './service-process.js';

const folder = mkdtempSync(join(tmpdir(), 'quittance-spec-'));
const healthy = `require('node:http').createServer((_, response) => response.end('{}')).listen(Number(process.env.PORT), '127.0.0.1');`;

async function start(name: string, code: string) {
  const script = join(folder, `${name}.cjs`);
  writeFileSync(script, code);
  const port = await freePort();
  const lines: string[] = [];
  const pidFile = join(folder, `${name}.pid`);
  const options = {
    name,
    script,
    env: { PORT: String(port) },
    url: `http://127.0.0.1:${port}`,
    logFile: join(folder, `${name}.log`),
    pidFile,
    report: (line: string) => void lines.push(line),
  };
  return {
    service: await ServiceProcess.start(options),
    options,
    lines,
    pid: () => Number(readFileSync(pidFile, 'utf8')),
  };
}

afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

describe('ServiceProcess', () => {
  it('is started again, with a visible line, when it is killed', async () => {
    const { service, lines, pid } = await start('killed', healthy);
    await service.ready();
    const first = pid();
    process.kill(first, 'SIGKILL');
    for (let tries = 0; pid() === first && tries < 100; tries += 1) await sleep(20);
    await service.ready();
    expect(pid()).not.toBe(first);
    expect(lines).toEqual([
      expect.stringContaining('killed was ended by SIGKILL; starting it again in 250 ms'),
    ]);
    await service.stop();
  });

  it('ends for good when it is stopped', async () => {
    const { service, lines, pid } = await start('stopped', healthy);
    await service.ready();
    const last = pid();
    await service.stop();
    expect(isRunning(last)).toBe(false);
    expect(lines).toEqual([]);
  });

  it('is given up with the end of its log when it does not come up', async () => {
    const { service } = await start('broken', `console.log('PORT is wrong'); process.exit(3);`);
    await expect(service.ready()).rejects.toThrow(
      /The broken service is not ready: it ended 3 times[^]*PORT is wrong/,
    );
    await service.stop();
  });

  it('replaces what a killed supervisor left of it', async () => {
    const { service, options, pid } = await start('left', healthy);
    await service.ready();
    const first = pid();
    const next = await ServiceProcess.start(options);
    expect(isRunning(first)).toBe(false);
    await next.ready();
    await Promise.all([service.stop(), next.stop()]);
  });
});
