import { spawn } from 'node:child_process';

import { describe, expect, it } from '@jest/globals';

import { armCrashPoint, ConfigError, crashPoint } from './index.js';

// Node runs the sources as they are, once `.js` finds its `.ts`.
const prelude = `
import { registerHooks } from 'node:module';
registerHooks({
  resolve: (specifier, context, next) => {
    const own = specifier.startsWith('.') && context.parentURL?.endsWith('.ts');
    return next(own ? specifier.replace(/\\.js$/, '.ts') : specifier, context);
  },
});
const { crashPoint } = await import(${JSON.stringify(new URL('crash-point.ts', import.meta.url).href)});
const { runService } = await import(${JSON.stringify(new URL('service-run.ts', import.meta.url).href)});
`;
const service = `
await runService({
  service: 'teller',
  parseConfig: () => ({ logLevel: 'fatal' }),
  start: async () => {
    for (const name of ['note.stored', 'note.sent', 'note.stored']) {
      process.stdout.write(name + '\\n');
      crashPoint(name);
    }
    return { url: 'http://127.0.0.1:1', close: async () => undefined };
  },
});
`;

type End = {
  readonly code: number | null;
  readonly signal: string | null;
  readonly stdout: string;
  readonly stderr: string;
};

async function run(script: string, env: Readonly<Record<string, string>>): Promise<End> {
  const child = spawn(
    process.execPath,
    [
      '--experimental-transform-types',
      '--disable-warning=ExperimentalWarning',
      '--input-type=module',
      '-e',
      prelude + script,
    ],
    { env: { PATH: process.env['PATH'], ...env } as NodeJS.ProcessEnv, stdio: ['ignore', 'pipe', 'pipe'] },
  );
  const told = { stdout: '', stderr: '' };
  child.stdout.on('data', (chunk: Buffer) => (told.stdout += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (told.stderr += chunk.toString()));
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code, signal) => resolve({ code, signal, ...told }));
  });
}

describe('a crash point', () => {
  it('kills the process the first time it gets there, and says so', async () => {
    expect(await run(service, { NODE_ENV: 'test', CRASH_AT: 'note.stored' })).toEqual({
      code: null,
      signal: 'SIGKILL',
      stdout: 'note.stored\n',
      stderr: 'crash point note.stored\n',
    });
  });

  it('kills the nth time when told which', async () => {
    expect(await run(service, { NODE_ENV: 'test', CRASH_AT: 'note.stored:2' })).toMatchObject({
      signal: 'SIGKILL',
      stdout: 'note.stored\nnote.sent\nnote.stored\n',
    });
  });

  it.each([
    ['nothing is set', {}],
    ['another name is set', { CRASH_AT: 'note.read' }],
    ['it comes less often', { CRASH_AT: 'note.stored:3' }],
  ])('lets the process go on when %s', async (_case, env) => {
    expect(await run(service, { NODE_ENV: 'test', ...env })).toMatchObject({
      code: 0,
      signal: null,
      stderr: '',
    });
  });

  it('does nothing in a process that runService did not arm, whatever its environment', async () => {
    const script = `crashPoint('note.stored'); process.stdout.write('alive');`;
    expect(await run(script, { NODE_ENV: 'test', CRASH_AT: 'note.stored' })).toMatchObject({
      code: 0,
      stdout: 'alive',
    });
  });

  it.each(['production', 'development', ''])('refuses the start where NODE_ENV is "%s"', async (NODE_ENV) => {
    const end = await run(service, { NODE_ENV, CRASH_AT: 'note.stored' });
    expect(end).toMatchObject({ code: 1, signal: null });
    expect(end.stdout).toMatch(/CRASH_AT: .*only where NODE_ENV is test/);
    expect(end.stdout).not.toContain('note.stored\n');
  });

  it.each(['', 'note.stored:0', 'note.stored:x', ':2', 'Note', 'note stored'])(
    'refuses the malformed setting "%s"',
    (CRASH_AT) => {
      expect(() => armCrashPoint('teller', { NODE_ENV: 'test', CRASH_AT })).toThrow(ConfigError);
      expect(() => crashPoint('note.stored')).not.toThrow();
    },
  );
});
