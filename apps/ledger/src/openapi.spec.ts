import 'reflect-metadata';

import { readFileSync } from 'node:fs';

import { describe, expect, it } from '@jest/globals';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { DocumentBuilder, SwaggerModule } from '@nestjs/swagger';
import { createLogger } from '@quittance/observability';

import { AppModule, createParts } from './app.module.js';
import { parseConfig } from './config.js';
import { openApiDocument } from './openapi.js';

const document = openApiDocument() as {
  paths: Record<string, object>;
  components: { schemas: Record<string, unknown> };
};
const committed = new URL('../../../docs/openapi/ledger.json', import.meta.url);

describe('the OpenAPI document', () => {
  it('equals the committed copy', () => {
    expect(readFileSync(committed, 'utf8')).toBe(`${JSON.stringify(document, null, 2)}\n`);
  });

  it('describes the routes that there are, and no others', async () => {
    const config = parseConfig({ DATABASE_URL: 'postgresql://nobody@127.0.0.1:1/none' });
    const parts = createParts(config, createLogger({ service: 'ledger', level: 'silent' }));
    const app = await NestFactory.create(
      AppModule.create(parts, () => undefined),
      new FastifyAdapter(),
      { logger: false },
    );
    const routes = SwaggerModule.createDocument(app, new DocumentBuilder().build()).paths;
    await Promise.all([app.close(), parts.transport.close()]);
    const described = (paths: Record<string, object>): string[] =>
      Object.entries(paths)
        .flatMap(([path, methods]) => Object.keys(methods).map((method) => `${method} ${path}`))
        .sort();
    expect(described(document.paths)).toEqual(described(routes));
  });

  it('refers to nothing that it does not hold', () => {
    const names = [...JSON.stringify(document).matchAll(/"#\/components\/schemas\/([^"]+)"/g)].map(
      (match) => match[1],
    );
    expect(names.length).toBeGreaterThan(0);
    expect(Object.keys(document.components.schemas)).toEqual(expect.arrayContaining(names));
  });
});
