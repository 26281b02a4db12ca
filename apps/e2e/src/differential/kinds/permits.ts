import { devPermit2, devTestDollar, devUsdc } from '@quittance/embedded';

import { type Draft, type Kind, proxyOf, randomHex, type Scene } from '../draft.js';
import { drafted, put, required } from './kind.js';

/** What is signed for Permit2, besides the terms of every payment. */
export const permitTerms: readonly Kind[] = [
  drafted(
    'the other scheme’s proxy as spender',
    (draft) => void (draft.permit.spender = otherProxy(draft.scene)),
  ),
  drafted('Permit2 itself as spender', (draft) => void (draft.permit.spender = devPermit2.permit2)),
  drafted('signed for another token', (draft) => {
    draft.permit.token = (draft.token === devUsdc ? devTestDollar : devUsdc).address;
  }),
  drafted('signed for another chain', (draft) => {
    draft.permit.domain = { chainId: 1, verifyingContract: devPermit2.permit2 };
  }),
  drafted('signed for another contract than Permit2', (draft, { chainId }) => {
    draft.permit.domain = { chainId, verifyingContract: proxyOf(draft.scene.scheme) };
  }),
  drafted('signed as of the other scheme', (draft) => void (draft.permit.isOfOtherScheme = true)),
];

/** By `upto` the payer names who may settle. */
export const facilitators: readonly Kind[] = [
  drafted('another facilitator', (draft, _cast, random) => {
    draft.permit.facilitator = randomHex(20, random);
  }),
  drafted('no facilitator in particular', (draft) => void (draft.permit.facilitator = `0x${'0'.repeat(40)}`)),
  required('extra with another facilitatorAddress', 'extra', ({ draft }) => ({
    ...extraOf(draft),
    facilitatorAddress: devPermit2.permit2,
  })),
  required('extra without a facilitatorAddress', 'extra', ({ draft }) => extraOf(draft)),
];

/** What extra says of how the money is moved. */
export const methods: readonly Kind[] = [
  required('extra asks for EIP-3009', 'extra', ({ draft }) => ({
    ...extraOf(draft),
    assetTransferMethod: 'eip3009',
  })),
  required('extra asks for an unknown method', 'extra', ({ draft }) => ({
    ...extraOf(draft),
    assetTransferMethod: 'cheque',
  })),
  required('extra without a method', 'extra', ({ draft: { token } }) => ({
    name: token.name,
    version: token.version,
  })),
  required('extra without a domain', 'extra', () => ({ assetTransferMethod: 'permit2' })),
  required('extra null', 'extra', () => null),
  required('no extra', 'extra', () => undefined),
  required('payment before the work', 'extra', ({ draft }) => ({
    ...extraOf(draft),
    paymentFlow: 'upfront',
  })),
  required('an unknown payment flow', 'extra', ({ draft }) => ({ ...extraOf(draft), paymentFlow: 'never' })),
  {
    name: 'both kinds of authorization',
    body: ({ payload, draft: { authorization } }) => put(payload, 'authorization', { ...authorization }),
  },
];

/** The same of a payment by EIP-3009. */
export const transferMethods: readonly Kind[] = [
  required('extra asks for Permit2', 'extra', ({ draft: { token } }) => ({
    name: token.name,
    version: token.version,
    assetTransferMethod: 'permit2',
  })),
  required('payment before the work', 'extra', ({ draft: { token } }) => ({
    name: token.name,
    version: token.version,
    paymentFlow: 'upfront',
  })),
  required('an unknown payment flow', 'extra', ({ draft: { token } }) => ({
    name: token.name,
    version: token.version,
    paymentFlow: 'never',
  })),
];

function extraOf({ token }: Draft) {
  return { name: token.name, version: token.version, assetTransferMethod: 'permit2' };
}

function otherProxy({ scheme }: Scene): string {
  return proxyOf(scheme === 'upto' ? 'exact' : 'upto');
}
