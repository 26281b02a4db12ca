import { z } from 'zod';

import {
  accountEntriesQuery,
  accountEntryPage,
  accountPage,
  accountPath,
  accountsQuery,
} from './account/account.schema.js';
import { balancePage, balancesQuery } from './balance/balance.schema.js';
import { paymentPath, paymentSchema } from './payment/payment.schema.js';
import { transactionPage, transactionsQuery } from './transaction/transaction.schema.js';
import { trialBalanceQuery, trialBalanceSchema } from './trial-balance/trial-balance.schema.js';

type Operation = {
  readonly id: string;
  readonly path: string;
  readonly summary: string;
  readonly pathParameters?: z.ZodObject;
  readonly query?: z.ZodObject;
  readonly answer: z.ZodType;
  /** JSON unless told. */
  readonly mediaType?: string;
  readonly refusals: readonly (400 | 404 | 503)[];
};

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
  {
    id: 'listAccounts',
    path: '/accounts',
    summary: 'Accounts, by code and asset.',
    query: accountsQuery,
    answer: accountPage,
    refusals: [400, 503],
  },
  {
    id: 'listAccountEntries',
    path: '/accounts/{code}/entries',
    summary: 'The lines of an account, in the order of posting.',
    pathParameters: accountPath,
    query: accountEntriesQuery,
    answer: accountEntryPage,
    refusals: [400, 404, 503],
  },
  {
    id: 'listBalances',
    path: '/balances',
    summary: 'Balances, by account, asset and layer.',
    query: balancesQuery,
    answer: balancePage,
    refusals: [400, 503],
  },
  {
    id: 'listTransactions',
    path: '/transactions',
    summary: 'Transactions with their lines, in the order of posting.',
    query: transactionsQuery,
    answer: transactionPage,
    refusals: [400, 503],
  },
  {
    id: 'getPayment',
    path: '/payments/{id}',
    summary: 'One payment: who paid whom what, where it stands, how it came there and what was posted.',
    pathParameters: paymentPath,
    answer: paymentSchema,
    refusals: [400, 404, 503],
  },
  {
    id: 'getTrialBalance',
    path: '/trial-balance',
    summary:
      'Debits and credits of both books, summed anew from every line, and whether the kept balances agree.',
    query: trialBalanceQuery,
    answer: trialBalanceSchema,
    refusals: [400, 503],
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

const titles = {
  400: 'A parameter is wrong; `detail` names it.',
  404: 'There is no such thing.',
  503: 'Something the ledger depends on does not answer.',
};

/** The ledger's API as OpenAPI 3.1, made from the very schemas that read its requests. */
export function openApiDocument(): Record<string, unknown> {
  const schemas: Record<string, unknown> = {};
  const paths = Object.fromEntries(
    operations.map((operation) => [operation.path, { get: describe(operation, schemas) }]),
  );
  const problem = schemaOf(problemSchema, 'output', schemas);
  const description =
    'Double-entry books of every payment. Amounts are decimal strings in units of 10^-scale of their asset; debits are positive. Lists come in pages: send `nextCursor` as `cursor`.';
  return {
    openapi: '3.1.0',
    info: {
      title: 'Quittance ledger',
      version: '0.1.0',
      description,
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    paths,
    components: {
      schemas,
      responses: Object.fromEntries(
        Object.entries(titles).map(([status, text]) => [
          `Problem${status}`,
          { description: text, content: { 'application/problem+json': { schema: problem } } },
        ]),
      ),
    },
  };
}

function describe(operation: Operation, schemas: Record<string, unknown>): Record<string, unknown> {
  const { id, summary, answer, refusals, mediaType = 'application/json' } = operation;
  const content = { [mediaType]: { schema: schemaOf(answer, 'output', schemas) } };
  const notReady =
    operation.path === '/health/ready' ? { 503: { description: 'Something does not answer.', content } } : {};
  return {
    operationId: id,
    summary,
    parameters: [
      ...parametersOf('path', operation.pathParameters),
      ...parametersOf('query', operation.query),
    ],
    responses: {
      200: { description: 'Done.', content },
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
    // Optional to send: a default is read where it is not.
    const required = place === 'path';
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
