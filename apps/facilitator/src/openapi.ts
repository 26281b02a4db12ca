import {
  settleResponseSchema,
  supportedResponseSchema,
  verifyRequestV1Schema,
  verifyRequestV2Schema,
  verifyResponseSchema,
} from '@quittance/protocol';
import { z } from 'zod';

import { exampleRequest } from './openapi/example.js';
import { paymentViewSchema } from './payment/payment-view.js';
import { verdictPageSchema, verdictsQuery } from './verdict/verdict.schema.js';

const problemSchema = z.object({
  type: z.string(),
  title: z.string(),
  status: z.int(),
  code: z.string().describe('Stable.'),
  detail: z.string(),
});

const readinessSchema = z.object({
  status: z.enum(['ready', 'unavailable']),
  checks: z.record(z.string(), z.object({ status: z.enum(['up', 'down']), reason: z.string().optional() })),
});

const schemas = {
  VerifyRequestV2: verifyRequestV2Schema,
  VerifyRequestV1: verifyRequestV1Schema,
  VerifyResponse: verifyResponseSchema,
  SettleResponse: settleResponseSchema,
  SupportedResponse: supportedResponseSchema,
  Payment: paymentViewSchema,
  VerdictPage: verdictPageSchema,
  Readiness: readinessSchema,
  Problem: problemSchema,
} as const;

type SchemaName = keyof typeof schemas;

/** The OpenAPI 3.1 description of the facilitator's REST API, from the schemas that it parses and answers with. */
export function openApiDocument(): object {
  return {
    openapi: '3.1.0',
    info: {
      title: 'Quittance facilitator',
      version: '0.1.0',
      description:
        'Verifies and settles x402 payments, v2 and v1, by the schemes "exact" (EIP-3009 and Permit2) and "upto" on EVM chains.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    tags: [{ name: 'x402' }, { name: 'registry' }, { name: 'health' }],
    paths: {
      '/verify': {
        post: payPath({
          operationId: 'verify',
          summary: 'Check a payment; nothing is reserved.',
          answer: 'VerifyResponse',
        }),
      },
      '/settle': { post: settlePath() },
      '/supported': { get: supportedPath() },
      '/payments/{id}': { get: paymentPath() },
      '/verdicts': { get: verdictsPath() },
      '/health/live': { get: livePath() },
      '/health/ready': { get: readyPath() },
    },
    components: {
      schemas: Object.fromEntries(
        Object.entries(schemas).map(([name, schema]) => [name, jsonSchemaOf(schema)]),
      ),
    },
  };
}

/** The wire form is what goes in; the dialect is OpenAPI 3.1's own. */
function jsonSchemaOf(schema: z.ZodType): object {
  const { $schema: _dialect, ...rest } = z.toJSONSchema(schema, { io: 'input' });
  return rest;
}

const ref = (name: SchemaName) => ({ $ref: `#/components/schemas/${name}` });
const json = (name: SchemaName, description: string) => ({
  description,
  content: { 'application/json': { schema: ref(name) } },
});
const problem = (description: string) => ({
  description,
  content: { 'application/problem+json': { schema: ref('Problem') } },
});
const retryAfter = { 'retry-after': { description: 'Seconds.', schema: { type: 'integer' } } };

function payPath(path: {
  readonly operationId: string;
  readonly summary: string;
  readonly answer: SchemaName;
}) {
  return {
    tags: ['x402'],
    operationId: path.operationId,
    summary: path.summary,
    requestBody: {
      required: true,
      content: {
        'application/json': {
          schema: { oneOf: [ref('VerifyRequestV2'), ref('VerifyRequestV1')] },
          example: exampleRequest,
        },
      },
    },
    responses: {
      200: json(path.answer, 'The verdict, whether good or bad.'),
      400: json(
        path.answer,
        'The body is not what the specification describes; the message says where and what to send.',
      ),
      409: json(
        path.answer,
        'The payment identifier (extension payment-identifier) came before with something else: for the same seller and network it stands for the first payload for a day, or a minute where that was refused.',
      ),
      413: json(path.answer, 'The body is too large.'),
      415: json(path.answer, 'The body is not application/json.'),
      500: problem('A defect of the service.'),
      503: {
        ...problem(
          'No verdict: the database, a node or the event transport does not answer, there is too much in hand (overloaded, or of this payer: payer_overloaded), too many payments wait for their outcome (queue_full), or the network is not settled on for now (network_suspended).',
        ),
        headers: retryAfter,
      },
    },
  };
}

function settlePath() {
  return payPath({
    operationId: 'settle',
    summary:
      'Settle a payment, once, and wait for the outcome; the same request always gets the same outcome. A 503 with the code settlement_pending means accepted and not broadcast yet: send the same request again.',
    answer: 'SettleResponse',
  });
}

function supportedPath() {
  return {
    tags: ['x402'],
    operationId: 'supported',
    summary: 'What is settled here now: a network that is suspended is left out.',
    responses: { 200: json('SupportedResponse', 'Kinds, extensions and signers.') },
  };
}

function paymentPath() {
  return {
    tags: ['registry'],
    operationId: 'payment',
    summary: 'A payment and how it came to be where it is.',
    parameters: [{ name: 'id', in: 'path', required: true, schema: { type: 'string', format: 'uuid' } }],
    responses: {
      200: json('Payment', 'The payment.'),
      400: problem('The id is not a UUID.'),
      404: problem('No such payment was accepted here.'),
      503: { ...problem('The database does not answer.'), headers: retryAfter },
    },
  };
}

function verdictsPath() {
  return {
    tags: ['registry'],
    operationId: 'verdicts',
    summary: 'What was answered on payments, at /verify and at /settle, the newest first.',
    parameters: Object.entries(verdictsQuery.shape).map(([name, schema]) => {
      const { description, default: _default, ...rest } = jsonSchemaOf(schema) as Record<string, unknown>;
      return { name, in: 'query', required: false, description, schema: rest };
    }),
    responses: {
      200: json('VerdictPage', 'A page of verdicts.'),
      400: problem('A parameter is wrong; the detail names it.'),
      503: { ...problem('The database does not answer.'), headers: retryAfter },
    },
  };
}

function livePath() {
  return {
    tags: ['health'],
    operationId: 'live',
    summary: 'The process runs.',
    responses: { 200: { description: 'It does.' } },
  };
}

function readyPath() {
  return {
    tags: ['health'],
    operationId: 'ready',
    summary: 'Everything that the service needs answers.',
    responses: {
      200: json('Readiness', 'All of it does.'),
      503: json('Readiness', 'Some of it does not; the checks say what.'),
    },
  };
}
