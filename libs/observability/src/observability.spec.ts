import { describe, expect, it } from '@jest/globals';

import {
  createLogger,
  NestLogger,
  onShutdown,
  problemOfError,
  readiness,
  redactFields,
  type ProcessLike,
} from './index.js';

const signature = `0x${'5e'.repeat(65)}`;
const privateKey = `0x${'ab'.repeat(32)}`;

function recorder(level: 'info' | 'trace' = 'trace') {
  const lines: string[] = [];
  const logger = createLogger({
    service: 'facilitator',
    level,
    destination: { write: (line: string) => void lines.push(line) },
  });
  return { lines, logger };
}

describe('the log', () => {
  it('hides secrets by name, however deep and however written', () => {
    const { lines, logger } = recorder();
    logger.info(
      { a: [{ Private_Key: privateKey }], PRIVATE_KEY: privateKey, headers: { authorization: 'Bearer abc' } },
      'x',
    );
    expect(lines.join('')).not.toMatch(/abab|Bearer abc/);
    expect(lines.join('').match(/\[redacted\]/g)).toHaveLength(3);
  });

  it('hides signatures and raw transactions by look: in messages, fields, errors and their causes', () => {
    const { lines, logger } = recorder();
    const error = new TypeError(`call data ${signature}`, {
      cause: new RangeError(`raw ${signature.repeat(3)}`),
    });
    logger.error({ err: error, note: `saw ${signature}` }, `bad ${signature}`);
    expect(lines.join('')).not.toContain('5e5e');
    expect(JSON.parse(lines[0] ?? '')).toMatchObject({
      level: 'error',
      service: 'facilitator',
      err: { type: 'TypeError' },
    });
  });

  it('hides passwords in URLs and keeps hashes, addresses and amounts', () => {
    const hash = `0x${'7a'.repeat(32)}`;
    const fields = redactFields({ hash, amount: 10n ** 30n, url: 'postgres://quittance:hunter2@db:5432/q' });
    expect(fields).toEqual({
      hash,
      amount: `1${'0'.repeat(30)}`,
      url: 'postgres://quittance:[redacted]@db:5432/q',
    });
  });

  it('survives a record that refers to itself', () => {
    const { lines, logger } = recorder();
    const loop: Record<string, unknown> = {};
    loop['self'] = loop;
    logger.info(loop, 'loop');
    expect(lines).toHaveLength(1);
  });

  it('takes what Nest logs, with its context', () => {
    const { lines, logger } = recorder();
    const nest = new NestLogger(logger);
    nest.error('broken', 'stack', 'Router');
    nest.warn({ a: 1 }, 'Core');
    nest.fatal(new Error('gone'));
    expect(lines.map((line) => JSON.parse(line) as unknown)).toEqual([
      expect.objectContaining({ level: 'error', msg: 'broken', context: 'Router', details: ['stack'] }),
      expect.objectContaining({ level: 'warn', msg: '{"a":1}', context: 'Core' }),
      expect.objectContaining({ level: 'fatal', msg: 'gone' }),
    ]);
  });
});

describe('readiness', () => {
  it('is given only when everything answered', async () => {
    const up = { name: 'database', check: async () => undefined };
    await expect(readiness([up])).resolves.toEqual({
      status: 'ready',
      checks: { database: { status: 'up' } },
    });
  });

  it('names what failed by code, without its message, and what did not answer in time', async () => {
    const down = {
      name: 'transport',
      check: () =>
        Promise.reject(Object.assign(new Error('host 10.0.0.1'), { code: 'transport_unavailable' })),
    };
    const silent = { name: 'chain', check: () => new Promise<void>(() => undefined) };
    await expect(readiness([down, silent], 20)).resolves.toEqual({
      status: 'unavailable',
      checks: {
        transport: { status: 'down', reason: 'transport_unavailable' },
        chain: { status: 'down', reason: 'timeout' },
      },
    });
  });
});

describe('readiness without something that it can do without', () => {
  it('is given, and says what is down', async () => {
    const down = () => Promise.reject(Object.assign(new Error('wrong'), { code: 'ledger_read_only' }));
    await expect(readiness([{ name: 'books', check: down, whenDown: 'ready' }])).resolves.toEqual({
      status: 'ready',
      checks: { books: { status: 'down', reason: 'ledger_read_only' } },
    });
    await expect(readiness([{ name: 'books', check: down, whenDown: 'unavailable' }])).resolves.toMatchObject(
      {
        status: 'unavailable',
      },
    );
  });
});

describe('an error', () => {
  it('that may pass is a 503 with its code', () => {
    const fault = Object.assign(new Error('connect 10.0.0.1'), {
      code: 'chain_unavailable',
      retryable: true,
    });
    const told = problemOfError(fault);
    expect(told).toMatchObject({
      status: 503,
      code: 'chain_unavailable',
      type: 'urn:quittance:problem:chain_unavailable',
    });
    expect(JSON.stringify(told)).not.toContain('10.0.0.1');
  });

  it.each([
    [new TypeError('x is undefined')],
    ['text'],
    [undefined],
    [{ retryable: true, code: 'chain_unavailable' }],
  ])('of ours is a 500 that tells no internals: %p', (error) => {
    expect(problemOfError(error)).toMatchObject({ status: 500, code: 'unexpected_error' });
    expect(JSON.stringify(problemOfError(error))).not.toContain('undefined');
  });
});

describe('shutting down', () => {
  function fakeProcess(connected: boolean) {
    const listeners = new Map<string, () => void>();
    let exited: (code: number) => void = () => undefined;
    const exitCode = new Promise<number>((resolve) => (exited = resolve));
    const owner: ProcessLike = {
      connected,
      once: (event, listener) => listeners.set(event, listener),
      exit: (code) => exited(code),
    };
    return { owner, listeners, exitCode };
  }

  it('closes once, whatever asks and how often', async () => {
    const { owner, listeners, exitCode } = fakeProcess(true);
    let closes = 0;
    onShutdown({ logger: recorder().logger, process: owner, close: async () => void (closes += 1) });
    for (const ask of listeners.values()) ask();
    await expect(exitCode).resolves.toBe(0);
    expect([...listeners.keys()].sort()).toEqual(['SIGINT', 'SIGTERM', 'disconnect']);
    expect(closes).toBe(1);
  });

  it('ends with code 1 when closing takes too long', async () => {
    const { owner, listeners, exitCode } = fakeProcess(false);
    onShutdown({
      logger: recorder().logger,
      process: owner,
      timeoutMs: 10,
      close: () => new Promise<void>(() => undefined),
    });
    listeners.get('SIGTERM')?.();
    await expect(exitCode).resolves.toBe(1);
    expect(listeners.has('disconnect')).toBe(false);
  });
});
