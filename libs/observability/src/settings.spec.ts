import { describe, expect, it } from '@jest/globals';
import { z } from 'zod';

import {
  ConfigError,
  describeSettings,
  readSettings,
  runService,
  serviceConfig,
  serviceSettings,
  textSetting,
  type ProcessLike,
} from './index.js';

const schema = z.object({
  ...serviceSettings({ role: 'teller', port: 4100, listensFor: 'tests' }),
  KEY: textSetting(/^k[0-9]+$/, 'must be k and digits').describe('What opens.'),
  LISTS: z
    .string()
    .transform((text): unknown => JSON.parse(text))
    .pipe(z.array(z.object({ at: z.string({ error: 'must be a text' }) })))
    .optional(),
});
const env = { DATABASE_URL: 'postgresql://teller:hunter2@db/q', KEY: 'k1' };

function problemsOf(changes: Record<string, string | undefined>): readonly string[] {
  try {
    const checks = [({ KEY }: { readonly KEY: string }) => (KEY === 'k0' ? 'KEY: is worn out' : undefined)];
    readSettings({ service: 'teller', schema, env: { ...env, ...changes }, checks });
    return [];
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
}

describe('the settings of a service', () => {
  it('have defaults for where it listens and what it logs', () => {
    expect(serviceConfig(readSettings({ service: 'teller', schema, env, checks: [] }))).toEqual({
      databaseUrl: env.DATABASE_URL,
      host: '127.0.0.1',
      port: 4100,
      logLevel: 'info',
    });
  });

  it.each([
    [{}, []],
    [{ PORT: '0' }, []],
    [{ PORT: '65535' }, []],
    [{ PORT: '65536' }, ['PORT: must be a whole number from 0 to 65535']],
    [{ PORT: '' }, ['PORT: must be a whole number from 0 to 65535']],
    [{ PORT: '4e3' }, ['PORT: must be a whole number from 0 to 65535']],
    [{ HOST: '' }, ['HOST: must be an address to listen on']],
    [{ KEY: undefined }, ['KEY is not set: it must be k and digits. What opens.']],
    [{ KEY: 'k0' }, ['KEY: is worn out']],
    [{ LISTS: '[{"at":"x"},{"at":7}]' }, ['LISTS[1].at: must be a text']],
  ])('are refused by name, down to the field: %j', (changes, problems) => {
    expect(problemsOf(changes)).toEqual(problems);
  });

  it('are refused all at once, and never quoted', () => {
    const problems = problemsOf({
      DATABASE_URL: 'mysql://x:hunter2@db',
      KEY: 'hunter2',
      LOG_LEVEL: 'hunter2',
    });
    expect(problems).toHaveLength(3);
    expect(problems.join()).not.toContain('hunter2');
  });

  it('are described: required without a default, null where they may be left out', () => {
    expect(describeSettings(schema).map((setting) => [setting.name, setting.default])).toEqual([
      ['DATABASE_URL', undefined],
      ['HOST', '127.0.0.1'],
      ['PORT', 4100],
      ['LOG_LEVEL', 'info'],
      ['KEY', undefined],
      ['LISTS', null],
    ]);
  });
});

describe('a service as a process', () => {
  function fakeProcess() {
    const asked: string[] = [];
    const codes: number[] = [];
    const ended = Promise.withResolvers<void>();
    const owner: ProcessLike = {
      once: (event) => asked.push(event),
      exit: (code) => {
        codes.push(code);
        ended.resolve();
      },
    };
    return { owner, asked, codes, ended: ended.promise };
  }
  const quiet = { logLevel: 'silent' } as const;
  const running = { url: 'http://127.0.0.1:1', close: async () => undefined };

  it('starts with the settings it read, and closes on signals', async () => {
    const { owner, asked, codes } = fakeProcess();
    const started: unknown[] = [];
    await runService({
      service: 'teller',
      env: { KEY: 'k1' },
      parseConfig: ({ KEY }) => ({ ...quiet, KEY }),
      start: async (config) => {
        started.push(config);
        return running;
      },
      process: owner,
    });
    expect(started).toEqual([{ ...quiet, KEY: 'k1' }]);
    expect(asked).toEqual(['SIGTERM', 'SIGINT']);
    expect(codes).toEqual([]);
  });

  it('ends with code 1 when it did not start', async () => {
    const { owner, asked, codes } = fakeProcess();
    const start = () => Promise.reject(new RangeError('no port'));
    await runService({ service: 'teller', parseConfig: () => quiet, start, process: owner });
    expect({ asked, codes }).toEqual({ asked: [], codes: [1] });
  });

  it('ends with code 1 when it finds later what waiting cannot cure', async () => {
    const { owner, codes, ended } = fakeProcess();
    let later: (error: Error) => void = () => undefined;
    await runService({
      service: 'teller',
      parseConfig: () => quiet,
      start: async (_config, _logger, giveUp) => {
        later = giveUp;
        return running;
      },
      process: owner,
    });
    expect(codes).toEqual([]);
    later(new RangeError('no tables'));
    await ended;
    expect(codes).toEqual([1]);
  });
});
