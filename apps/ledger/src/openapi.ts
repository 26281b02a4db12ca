import { z } from 'zod';

import { type Operation, refusalTitles } from './http/operation.js';
import { closingOperations } from './period/closing-operations.js';
import { paymentPath, paymentSchema } from './payment/payment.schema.js';
import { reconciliationOperations } from './reconciliation/reconciliation-operations.js';
import { proofOperations } from './proof/proof-operations.js';
import { reportingOperations } from './report/reporting-operations.js';

const problemSchema = z
  .strictObject({
    type: z.string(),
    title: z.string(),
    status: z.int(),
    code: z.string().describe('Stable; what a program should look at.'),
    detail: z.string().describe('What was wrong, and what to send instead.'),
  })
  .meta({ id: 'Problem' });

const liveSchema = z.strictObject({ status: z.literal('live') }).meta({ id: 'Live' });

const readySchema = z
  .strictObject({
    status: z.enum(['ready', 'unavailable']),
    checks: z.record(
      z.string(),
      z.strictObject({ status: z.enum(['up', 'down']), reason: z.string().optional() }),
    ),
  })
  .meta({ id: 'Readiness' });

const operations: readonly Operation[] = [
  ...closingOperations,
  ...reconciliationOperations,
  ...proofOperations,
  ...reportingOperations,
  {
    id: 'getPayment',
    path: '/payments/{id}',
    summary: 'One payment: who paid whom what, where it stands, how it came there and what was posted.',
    pathParameters: paymentPath,
    answer: paymentSchema,
    refusals: [400, 404, 503],
  },
  {
    id: 'getLive',
    path: '/health/live',
    summary: 'Whether the process runs.',
    answer: liveSchema,
    refusals: [],
  },
  {
    id: 'getReady',
    path: '/health/ready',
    summary: 'Whether it can do its work: asks the database and the event transport.',
    answer: readySchema,
    refusals: [],
  },
  {
    id: 'getMetrics',
    path: '/metrics',
    summary: 'Figures for Prometheus.',
    answer: z.string(),
    mediaType: 'text/plain',
    refusals: [],
  },
];

/** What probes and scrapers ask: it needs no token. */
const openPaths: ReadonlySet<string> = new Set(['/health/live', '/health/ready', '/metrics']);

const idempotencyKey = {
  name: 'Idempotency-Key',
  in: 'header',
  required: true,
  description:
    'New for each write. Sent again with the same body it gives the answer of the first time, with `Idempotency-Replayed: true`, and does nothing; with another body it is refused with 422.',
  schema: { type: 'string', pattern: '^[!-~]{1,255}$' },
};

/** The ledger's API as OpenAPI 3.1, made from the very schemas that read its requests. */
export function openApiDocument(): Record<string, unknown> {
  const schemas: Record<string, unknown> = {};
  const paths: Record<string, Record<string, unknown>> = {};
  for (const operation of operations) {
    const { path, method = 'get' } = operation;
    paths[path] = { ...paths[path], [method]: describe(operation, schemas) };
  }
  const problem = schemaOf(problemSchema, 'output', schemas);
  const description =
    'Double-entry books of every payment. Amounts are decimal strings in units of 10^-scale of their asset; debits are positive. Lists come in pages: send `nextCursor` as `cursor`. What is read of the books is of one moment, `asOf` and `asKnownAt` in the answer: sent as `as_of` and `as_known_at` they give the same answer for ever. Reads need the role viewer and exports analyst, which every other role includes; writes say what they need, and that one person drafts or proposes and another one approves. A payment is found by its hash with `/transactions?chain_transaction=`, and why books and chain differ is in `/breaks`.';
  return {
    openapi: '3.1.0',
    info: {
      title: 'Quittance ledger',
      version: '0.1.0',
      description,
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    paths,
    security: [{ token: [] }],
    components: {
      securitySchemes: {
        token: {
          type: 'http',
          scheme: 'bearer',
          description:
            'One of ACCESS_TOKENS. Where that is not set, reads need none and nothing can be written.',
        },
      },
      schemas,
      responses: Object.fromEntries(
        Object.entries(refusalTitles).map(([status, text]) => [
          `Problem${status}`,
          { description: text, content: { 'application/problem+json': { schema: problem } } },
        ]),
      ),
    },
  };
}

function describe(operation: Operation, schemas: Record<string, unknown>): Record<string, unknown> {
  const { id, summary, body, answer, answerStatus = 200, mediaType = 'application/json' } = operation;
  const isOpen = openPaths.has(operation.path);
  const refusals = isOpen
    ? operation.refusals
    : [...new Set([...operation.refusals, 401, 403] as const)].sort();
  const content = { [mediaType]: { schema: schemaOf(answer, 'output', schemas) } };
  const notReady =
    operation.path === '/health/ready' ? { 503: { description: 'Something does not answer.', content } } : {};
  return {
    operationId: id,
    summary,
    parameters: [
      ...parametersOf('path', operation.pathParameters),
      ...parametersOf('query', operation.query),
      ...(body === undefined ? [] : [idempotencyKey]),
    ],
    ...(body === undefined
      ? {}
      : {
          requestBody: {
            required: true,
            content: { 'application/json': { schema: schemaOf(body, 'input', schemas) } },
          },
        }),
    ...(isOpen ? { security: [] } : {}),
    responses: {
      [answerStatus]: { description: 'Done.', content },
      ...notReady,
      ...Object.fromEntries(
        refusals.map((status) => [status, { $ref: `#/components/responses/Problem${status}` }]),
      ),
    },
  };
}

function parametersOf(place: 'path' | 'query', schema: z.ZodObject | undefined): unknown[] {
  return Object.entries(schema?.shape ?? {}).map(([name, field]) => {
    const { description, ...json } = z.toJSONSchema(field as z.ZodType, { io: 'input' }) as Record<
      string,
      unknown
    >;
    delete json['$schema'];
    // Optional to send where it has a default.
    const required = place === 'path' || !(field as z.ZodType).safeParse(undefined).success;
    return { name, in: place, required, ...(description === undefined ? {} : { description }), schema: json };
  });
}

/** Named schemas go to the components, where all operations share them. */
function schemaOf(
  schema: z.ZodType,
  io: 'input' | 'output',
  schemas: Record<string, unknown>,
): Record<string, unknown> {
  const json = z.toJSONSchema(schema, { io }) as Record<string, unknown>;
  const text = JSON.stringify(json).replaceAll('"#/$defs/', '"#/components/schemas/');
  const { $schema: _, $defs: named = {}, ...rest } = JSON.parse(text) as Record<string, unknown>;
  Object.assign(schemas, named);
  if (typeof rest['id'] !== 'string') return rest;
  const { id, ...own } = rest;
  schemas[String(id)] = own;
  return { $ref: `#/components/schemas/${String(id)}` };
}
