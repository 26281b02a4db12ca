import { devTestDollar, devUsdc } from '@quittance/embedded';

import type { Kind, Parts } from '../draft.js';
import { drafted, put, required } from './kind.js';

/** The token's EIP-712 domain, as signed and as the seller says it. */
export const domains: readonly Kind[] = [
  drafted('signed for another name', (draft) => void (draft.domain = { ...draft.domain, name: 'Other' })),
  drafted('signed for another version', (draft) => void (draft.domain = { ...draft.domain, version: '9' })),
  drafted('signed for another chain', (draft) => void (draft.domain = { ...draft.domain, chainId: 1 })),
  drafted('signed for another token', (draft) => {
    const other = draft.token === devUsdc ? devTestDollar : devUsdc;
    draft.domain = { ...draft.domain, verifyingContract: other.address };
  }),
  required('extra with another name', 'extra', ({ draft }) => ({
    name: 'Other',
    version: draft.token.version,
  })),
  required('extra with another version', 'extra', ({ draft }) => ({ name: draft.token.name, version: '9' })),
  {
    name: 'another name, in what is signed and in extra',
    draft: (draft) => void (draft.domain = { ...draft.domain, name: 'Other' }),
    body: (parts) => setExtra(parts, { name: 'Other', version: parts.draft.token.version }),
  },
  {
    name: 'another version, in what is signed and in extra',
    draft: (draft) => void (draft.domain = { ...draft.domain, version: '9' }),
    body: (parts) => setExtra(parts, { name: parts.draft.token.name, version: '9' }),
  },
  required('extra without a name', 'extra', ({ draft }) => ({ version: draft.token.version })),
  required('extra without a version', 'extra', ({ draft }) => ({ name: draft.token.name })),
  required('extra with an empty name', 'extra', ({ draft }) => ({ name: '', version: draft.token.version })),
  required('extra with a number for a name', 'extra', ({ draft }) => ({
    name: 1,
    version: draft.token.version,
  })),
  required('extra null', 'extra', () => null),
  required('no extra', 'extra', () => undefined),
  required('extra with more in it', 'extra', ({ draft }) => ({
    name: draft.token.name,
    version: draft.token.version,
    more: { any: ['thing'] },
  })),
];

function setExtra(parts: Parts, extra: Record<string, unknown>): void {
  put(parts.requirements, 'extra', extra);
  if (parts.accepted !== undefined) put(parts.accepted, 'extra', { ...extra });
}
