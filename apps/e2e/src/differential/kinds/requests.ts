import { devTestDollar, devUsdc } from '@quittance/embedded';

import { type Draft, type Kind, randomHex } from '../draft.js';
import { amountField, put, required } from './kind.js';

/** What the seller asks for. */
export const requirements: readonly Kind[] = [
  {
    name: 'amount as a number',
    body: (parts) => put(parts.requirements, amountField(parts), 10),
  },
  {
    name: 'amount missing',
    body: (parts) => put(parts.requirements, amountField(parts), undefined),
  },
  {
    name: 'amount with a leading zero',
    body: (parts) => put(parts.requirements, amountField(parts), `0${parts.draft.amount}`),
  },
  {
    name: 'amount negative',
    body: (parts) => put(parts.requirements, amountField(parts), `-${parts.draft.amount}`),
  },
  {
    name: 'amount in the payload’s copy another',
    body: ({ accepted }) => (accepted === undefined ? undefined : put(accepted, 'amount', '7')),
  },
  required('asset without code', 'asset', (_parts, random) => randomHex(20, random)),
  required(
    'asset another token',
    'asset',
    ({ draft }) => (draft.token === devUsdc ? devTestDollar : devUsdc).address,
  ),
  required('asset in lower case', 'asset', ({ draft }) => draft.token.address.toLowerCase()),
  required('asset no address', 'asset', () => 'USDC'),
  required('asset missing', 'asset', () => undefined),
  required('payTo in upper case', 'payTo', ({ draft }) => `0x${draft.payTo.slice(2).toUpperCase()}`),
  required('payTo no address', 'payTo', () => 'bob'),
  required('payTo missing', 'payTo', () => undefined),
  required('another scheme', 'scheme', () => 'guess'),
  required('no scheme', 'scheme', () => undefined),
  {
    name: 'another scheme in the requirements alone',
    body: ({ requirements: asked, draft }) => put(asked, 'scheme', otherScheme(draft)),
  },
  {
    name: 'another scheme in the payload alone',
    body: ({ accepted, paymentPayload, draft }) =>
      put(accepted ?? paymentPayload, 'scheme', otherScheme(draft)),
  },
  {
    name: 'another network',
    body: ({ requirements: asked, accepted, paymentPayload, draft }) => {
      const network = draft.x402Version === 1 ? 'base' : 'eip155:8453';
      for (const part of [asked, accepted ?? paymentPayload]) put(part, 'network', network);
    },
  },
  {
    name: 'another network in the payload alone',
    body: ({ accepted, paymentPayload, draft }) =>
      put(accepted ?? paymentPayload, 'network', draft.x402Version === 1 ? 'base' : 'eip155:8453'),
  },
  {
    name: 'a network that is none',
    body: ({ requirements: asked, accepted, paymentPayload }) => {
      for (const part of [asked, accepted ?? paymentPayload]) put(part, 'network', 'nowhere');
    },
  },
  {
    name: 'the network in the other version’s words',
    body: ({ requirements: asked, accepted, paymentPayload, draft }) => {
      const network = draft.x402Version === 1 ? 'eip155:84532' : 'base-sepolia';
      for (const part of [asked, accepted ?? paymentPayload]) put(part, 'network', network);
    },
  },
  required('maxTimeoutSeconds missing', 'maxTimeoutSeconds', () => undefined),
  required('maxTimeoutSeconds 0', 'maxTimeoutSeconds', () => 0),
  required('maxTimeoutSeconds as a text', 'maxTimeoutSeconds', () => '300'),
  required('a field more in the requirements', 'surprise', () => 1),
];

/** The request around it. */
export const bodies: readonly Kind[] = [
  {
    name: 'version 3',
    body: ({ body, paymentPayload }) => void (body['x402Version'] = paymentPayload['x402Version'] = 3),
  },
  { name: 'version as a text', body: ({ paymentPayload }) => void (paymentPayload['x402Version'] = '2') },
  { name: 'no version', body: ({ paymentPayload }) => put(paymentPayload, 'x402Version', undefined) },
  { name: 'no version beside the parts', body: ({ body }) => put(body, 'x402Version', undefined) },
  {
    name: 'another version beside the parts',
    body: ({ body, draft }) => void (body['x402Version'] = 3 - draft.x402Version),
  },
  {
    name: 'the other version',
    body: ({ paymentPayload, draft }) => void (paymentPayload['x402Version'] = 3 - draft.x402Version),
  },
  { name: 'no payload', body: ({ body }) => put(body, 'paymentPayload', undefined) },
  { name: 'no requirements', body: ({ body }) => put(body, 'paymentRequirements', undefined) },
  { name: 'no scheme’s payload', body: ({ paymentPayload }) => put(paymentPayload, 'payload', undefined) },
  {
    name: 'a scheme’s payload of nothing',
    body: ({ paymentPayload }) => void (paymentPayload['payload'] = {}),
  },
  { name: 'no authorization', body: ({ payload, draft }) => put(payload, nameOf(draft), undefined) },
  { name: 'null for the authorization', body: ({ payload, draft }) => put(payload, nameOf(draft), null) },
  { name: 'a list for the authorization', body: ({ payload, draft }) => put(payload, nameOf(draft), []) },
  {
    name: 'the payload’s copy of the requirements missing',
    body: ({ paymentPayload }) => put(paymentPayload, 'accepted', undefined),
  },
  { name: 'no resource', body: ({ paymentPayload }) => put(paymentPayload, 'resource', undefined) },
  {
    name: 'resource null',
    body: ({ paymentPayload, draft }) =>
      draft.x402Version === 2 ? put(paymentPayload, 'resource', null) : undefined,
  },
  {
    name: 'a resource with more in it',
    body: ({ paymentPayload, draft }) =>
      draft.x402Version === 2
        ? put(paymentPayload, 'resource', { url: 'https://a.example', more: 1 })
        : undefined,
  },
  {
    name: 'extensions',
    body: ({ paymentPayload, draft }) =>
      draft.x402Version === 2
        ? put(paymentPayload, 'extensions', { ...Object(paymentPayload['extensions']), bazaar: { info: {} } })
        : undefined,
  },
  {
    name: 'extensions null',
    body: ({ paymentPayload, draft }) =>
      draft.x402Version === 2 ? put(paymentPayload, 'extensions', null) : undefined,
  },
  {
    name: 'a field more in the payload',
    body: ({ paymentPayload }) => void (paymentPayload['surprise'] = 1),
  },
  { name: 'a field more in the scheme’s payload', body: ({ payload }) => void (payload['surprise'] = 1) },
  { name: 'a field more in the request', body: ({ body }) => void (body['surprise'] = 1) },
];

function otherScheme({ scene }: Draft): string {
  return scene.scheme === 'upto' ? 'exact' : 'upto';
}

function nameOf({ scene }: Draft): string {
  return scene.method === 'permit2' ? 'permit2Authorization' : 'authorization';
}
