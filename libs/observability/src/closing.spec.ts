import { once } from 'node:events';
import { connect } from 'node:net';

import { afterEach, describe, expect, it } from '@jest/globals';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';

import { closeOf } from './closing.js';

@Module({})
class EmptyModule {}

let end: (() => void) | undefined;
afterEach(() => end?.());

describe('closing a service', () => {
  it('does not wait for a client that is connected and asks nothing', async () => {
    const app = await NestFactory.create<NestFastifyApplication>(EmptyModule, new FastifyAdapter(), {
      logger: false,
    });
    const close = closeOf(app);
    await app.listen(0, '127.0.0.1');
    const silent = connect(Number(new URL(await app.getUrl()).port), '127.0.0.1');
    silent.on('error', () => undefined);
    end = () => silent.destroy();
    await once(silent, 'connect');
    const closed = close().then(() => 'closed');
    const late = new Promise((resolve) => setTimeout(resolve, 10_000, 'still open').unref());
    expect(await Promise.race([closed, late])).toBe('closed');
  }, 30_000);
});
