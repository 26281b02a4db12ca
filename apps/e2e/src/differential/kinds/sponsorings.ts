import { devPermit2, devTestDollar, devUsdc } from '@quittance/embedded';

import { approveData } from '../sponsor.js';
import { anotherKey, type Draft, type Json, type Kind, type Parts, pick, randomHex } from '../draft.js';
import { addresses, drafted, informed, lacking, numbers, put, setting } from './kind.js';

const commonFields = ['from', 'asset', 'spender', 'amount', 'version'];
const otherToken = ({ token }: Draft): string => (token === devUsdc ? devTestDollar : devUsdc).address;
const lackingIn = (field: string): Kind[] => lacking(field, field, informed);

/** How an extension can be there and say nothing, or something else. */
const envelopes: readonly Kind[] = [
  {
    name: 'only offered by the seller',
    body: ({ info }) => {
      for (const field of Object.keys(info)) put(info, field, undefined);
      Object.assign(info, { description: 'offered', version: '1' });
    },
  },
  extended('an extension of nothing', () => null),
  extended('an extension without info', () => ({ schema: {} })),
  extended('an extension with a list for its info', () => ({ info: [] })),
  extended('an extension without its schema', ({ info }) => ({ info })),
  informed('field that nobody knows', 'surprise', () => 1),
  informed('version a number', 'version', () => 1),
  informed('version 1.0.3', 'version', () => '1.0.3'),
  informed('version in words', 'version', () => 'one'),
  ...['from', 'asset', 'spender'].flatMap((field) => addresses(field, field, informed)),
  ...numbers('amount', 'amount', informed),
  {
    name: 'something to send along although Permit2 is approved',
    sets: 'payer',
    draft: (draft, { troupes }, random) => {
      draft.payer = pick(troupes[draft.scene.signer].payers, random);
      draft.authorization.from = draft.payer.address;
    },
  },
];

const permitted = (name: string, make: (draft: Draft, now: number) => Draft['permit2612']): Kind =>
  drafted(name, (draft, { now }) => void Object.assign(draft.permit2612, make(draft, now)));

const soon = 3;

/** What can be wrong with an EIP-2612 permit that comes along, and what says so. */
export const permits2612: readonly Kind[] = [
  ...envelopes,
  ...[...commonFields, 'nonce', 'deadline', 'signature'].flatMap(lackingIn),
  ...['nonce', 'deadline'].flatMap((field) => numbers(field, field, informed)),
  informed('asset another token', 'asset', () => devPermit2.permit2),
  permitted('the EIP-2612 permit by somebody else', ({ payer }) => ({
    owner: `0x${payer.address.slice(4)}00`,
  })),
  permitted('the EIP-2612 permit to another spender', ({ scene }) => ({
    spender: scene.scheme === 'upto' ? devPermit2.uptoProxy : devPermit2.exactProxy,
  })),
  ...setting('the permit’s end', [
    permitted('the EIP-2612 permit expired', (_draft, now) => ({ deadline: BigInt(now - 60) })),
    permitted('the EIP-2612 permit about to expire', (_draft, now) => ({ deadline: BigInt(now + soon) })),
    permitted('the EIP-2612 permit for ever', () => ({ deadline: 2n ** 256n - 1n })),
  ]),
  ...setting('the permit’s amount', [
    permitted('the EIP-2612 permit over more', ({ amount }) => ({ value: BigInt(amount) + 1n })),
    permitted('the EIP-2612 permit over less', ({ amount }) => ({ value: BigInt(amount) - 1n })),
    permitted('the EIP-2612 permit over all there is', () => ({ value: 2n ** 256n - 1n })),
  ]),
  permitted('the EIP-2612 permit with another nonce', () => ({ nonce: 1n })),
  permitted('the EIP-2612 permit for another chain', () => ({ chainId: 1 })),
  permitted('the EIP-2612 permit for another token', (draft) => ({ verifyingContract: otherToken(draft) })),
  permitted('the EIP-2612 permit for another name', () => ({ name: 'Other' })),
  drafted('the EIP-2612 permit signed by another key', (draft, cast, random) => {
    draft.permit2612.key = anotherKey(draft, cast, random);
  }),
  ...(
    [
      ['a byte short', (signature) => signature.slice(0, -2)],
      ['half a byte short', (signature) => signature.slice(0, -1)],
      ['a byte too long', (signature) => `${signature}00`],
      ['without 0x', (signature) => signature.slice(2)],
      ['no hex', () => '0xzz'],
      ['0x', () => '0x'],
      ['random bytes', (_signature, random) => randomHex(65, random)],
      ['in upper case', (signature) => `0x${signature.slice(2).toUpperCase()}`],
      ['with v of 0 or 1', (signature) => `${signature.slice(0, -2)}0${signature.endsWith('1b') ? 0 : 1}`],
      [
        'with the other v',
        (signature) => `${signature.slice(0, -2)}${signature.endsWith('1b') ? '1c' : '1b'}`,
      ],
    ] as ReadonlyArray<
      readonly [string, (signature: string, random: Parameters<typeof randomHex>[1]) => string]
    >
  ).map(([name, change]) =>
    informed(`signature ${name}`, 'signature', (signature, random) => change(String(signature), random)),
  ),
  {
    name: 'both extensions',
    body: ({ paymentPayload, info }) =>
      put(paymentPayload, 'extensions', {
        ...Object(paymentPayload['extensions']),
        erc20ApprovalGasSponsoring: { info: { ...info, signedTransaction: '0x02' } },
      }),
  },
];

const approved = (name: string, make: (draft: Draft) => Draft['approval']): Kind =>
  drafted(`the approval ${name}`, (draft) => void Object.assign(draft.approval, make(draft)));

const maxAmount = 2n ** 256n - 1n;

/** What can be wrong with a signed approval that comes along. */
export const approvals: readonly Kind[] = [
  ...envelopes,
  ...[...commonFields, 'signedTransaction'].flatMap(lackingIn),
  informed('asset another token', 'asset', () => devPermit2.permit2),
  approved('of another token', (draft) => ({ to: otherToken(draft) })),
  approved('of no contract', () => ({ to: null })),
  approved('calls transfer', () => ({ data: `0xa9059cbb${approveData(devPermit2.permit2, 1n).slice(10)}` })),
  approved('calls nothing', () => ({ data: '0x' })),
  approved('calls increaseAllowance', () => ({
    data: `0x39509351${approveData(devPermit2.permit2, maxAmount).slice(10)}`,
  })),
  approved('of another spender', ({ scene }) => ({
    data: approveData(scene.scheme === 'upto' ? devPermit2.uptoProxy : devPermit2.exactProxy, maxAmount),
  })),
  approved('cut short', () => ({ data: approveData(devPermit2.permit2, maxAmount).slice(0, -64) })),
  approved('with bytes after its calldata', () => ({
    data: `${approveData(devPermit2.permit2, maxAmount)}00`,
  })),
  approved('of an unclean address', () => ({
    data: `0x095ea7b3${'11'.repeat(12)}${devPermit2.permit2.slice(2)}${'f'.repeat(64)}`,
  })),
  approved('over nothing', () => ({ data: approveData(devPermit2.permit2, 0n) })),
  approved('over another amount than the extension says', ({ amount }) => ({
    data: approveData(devPermit2.permit2, BigInt(amount) + 1n),
  })),
  approved('sends money along', () => ({ value: 1n })),
  approved('for another chain', () => ({ chainId: 1 })),
  approved('with another nonce', () => ({ nonce: 7 })),
  approved('with a gas limit of a million', () => ({ gas: 1_000_000n })),
  approved('as a legacy transaction', () => ({ type: 'legacy' })),
  approved('as a legacy transaction of any chain', () => ({ type: 'legacy of any chain' })),
  approved('as a transaction with an access list', () => ({ type: 'eip2930' })),
  drafted('the approval signed by another key', (draft, cast, random) => {
    draft.approval.key = anotherKey(draft, cast, random);
  }),
  {
    name: 'the approval over exactly the amount',
    draft: ({ approval, amount }) => {
      approval.data = approveData(devPermit2.permit2, BigInt(amount));
    },
    body: ({ info, draft }) => put(info, 'amount', draft.amount),
  },
  {
    name: 'the approval over less than the amount',
    draft: ({ approval, amount }) => {
      approval.data = approveData(devPermit2.permit2, BigInt(amount) - 1n);
    },
    body: ({ info, draft }) => put(info, 'amount', String(BigInt(draft.amount) - 1n)),
  },
  ...(
    [
      ['cut short', (raw) => raw.slice(0, -40)],
      ['half a byte short', (raw) => raw.slice(0, -1)],
      ['with a byte more', (raw) => `${raw}00`],
      ['of random bytes', () => `0x02${'5a'.repeat(120)}`],
      ['0x', () => '0x'],
      ['no hex', () => '0xzz'],
      ['without 0x', (raw) => raw.slice(2)],
      ['in upper case', (raw) => `0x${raw.slice(2).toUpperCase()}`],
      ['too long', (raw) => `${raw}${'00'.repeat(2_000)}`],
      ['with a signature of no key', (raw) => `${raw.slice(0, -130)}${'f'.repeat(64)}${raw.slice(-66)}`],
    ] as ReadonlyArray<readonly [string, (raw: string) => string]>
  ).map(([name, change]) =>
    informed(`transaction ${name}`, 'signedTransaction', (raw) => change(String(raw))),
  ),
];

/** Puts another extension in the place of the one that came along. */
function extended(name: string, make: (parts: Parts) => unknown): Kind {
  return {
    name,
    body: (parts) => {
      const extensions = parts.paymentPayload['extensions'] as Json | undefined;
      for (const key of Object.keys(extensions ?? {})) put(extensions as Json, key, make(parts));
    },
  };
}
