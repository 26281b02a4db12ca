import { readFileSync } from 'node:fs';

import { describe, expect, it } from '@jest/globals';
import { parsePaymentRequest } from '@quittance/protocol';

import { openApiDocument } from './openapi.js';
import { exampleRequest } from './openapi/example.js';

const file = new URL('../../../docs/openapi/facilitator.json', import.meta.url);

describe('the OpenAPI document', () => {
  it('in docs/openapi equals the generated one (npm run generate)', () => {
    expect(JSON.parse(readFileSync(file, 'utf8'))).toEqual(JSON.parse(JSON.stringify(openApiDocument())));
  });

  it('refers only to schemas that it has', () => {
    const text = JSON.stringify(openApiDocument());
    const { schemas } = (openApiDocument() as { components: { schemas: Record<string, unknown> } })
      .components;
    const referred = [...text.matchAll(/#\/components\/schemas\/(\w+)/g)].map(([, name]) => name ?? '');
    expect(referred.length).toBeGreaterThan(10);
    expect(Object.keys(schemas)).toEqual(expect.arrayContaining(referred));
    expect(text).not.toMatch(/#\/\$defs|"\$schema"/);
  });

  it('shows a request that can be sent as it is', () => {
    expect(parsePaymentRequest(exampleRequest)).toMatchObject({ ok: true });
  });
});
