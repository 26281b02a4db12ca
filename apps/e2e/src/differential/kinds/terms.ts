import { devUsdc } from '@quittance/embedded';

import { type Cast, type Draft, type Kind, payersOf, pick, randomHex } from '../draft.js';
import { drafted, setting } from './kind.js';

const farOff = 50_000;

const ends: readonly Kind[] = [
  drafted('expired', (draft, { now }) => void (draft.authorization.validBefore = String(now - 60))),
  drafted('about to expire', (draft, { now }) => void (draft.authorization.validBefore = String(now + 1))),
  drafted('validBefore 0', (draft) => void (draft.authorization.validBefore = '0')),
  drafted(
    'validBefore in the far future',
    (draft) => void (draft.authorization.validBefore = String(2n ** 256n - 1n)),
  ),
];

const beginnings: readonly Kind[] = [
  drafted('not valid yet', (draft, { now }) => void (draft.authorization.validAfter = String(now + farOff))),
  drafted(
    'validAfter in the far future',
    (draft) => void (draft.authorization.validAfter = String(2n ** 255n)),
  ),
];

/** What is signed: when it is valid, over how much, and for whom. */
export const times: readonly Kind[] = [...setting('end', ends), ...setting('beginning', beginnings)];

const payers: readonly Kind[] = [
  drafted('underfunded', (draft, cast) => pay(draft, troupeOf(draft, cast).pauper, '6')),
  drafted('just funded', (draft, cast) => {
    inUsdc(draft);
    pay(draft, troupeOf(draft, cast).pauper, '5');
  }),
  drafted('a payer whom the issuer blocks', (draft, cast) => {
    inUsdc(draft);
    pay(draft, troupeOf(draft, cast).outcast, '5');
  }),
  drafted('a nonce used before', (draft, cast, random) => {
    inUsdc(draft);
    pay(draft, payersOf(draft.scene, cast)[0] ?? draft.payer, '5');
    draft.authorization.nonce = pick(cast.usedNonces, random);
  }),
];

const payees: readonly Kind[] = [
  drafted('another payee than signed', (draft, _cast, random) => void (draft.payTo = randomHex(20, random))),
  drafted('paying oneself', (draft) => payee(draft, draft.payer.address)),
  drafted('paying the zero address', (draft) => payee(draft, `0x${'0'.repeat(40)}`)),
  drafted('paying the token', (draft) => payee(draft, draft.token.address)),
];

const amounts: readonly Kind[] = [
  drafted('more than there is', (draft) => value(draft, String(2n ** 256n - 2n))),
  drafted('an amount of nothing', (draft) => value(draft, '0')),
  drafted(
    'less signed than asked',
    (draft) => void (draft.authorization.value = String(BigInt(draft.amount) - 1n)),
  ),
  drafted(
    'more signed than asked',
    (draft) => void (draft.authorization.value = String(BigInt(draft.amount) + 1n)),
  ),
];

export const money: readonly Kind[] = [
  ...setting('payer', payers),
  ...setting('payee', payees),
  // Whoever sets the payer says what he pays, too.
  ...setting('payer', amounts),
];

/** What code at the payer's address can have to say. */
export const codes: readonly Kind[] = setting('payer', [
  drafted('a payer with code of no use', (draft, { contract }) => pay(draft, contract, '5')),
]);

export const delegates: readonly Kind[] = setting('payer', [
  drafted('a delegate that knows another key', (draft, { misled }) => pay(draft, misled, '5')),
]);

/** What Permit2 may take. */
export const allowances: readonly Kind[] = setting('payer', [
  drafted('no allowance', (draft, cast, random) =>
    pay(draft, pick(troupeOf(draft, cast).newcomers, random), '5'),
  ),
  drafted('too small an allowance', (draft, cast) => pay(draft, troupeOf(draft, cast).frugal, '6')),
  drafted('just enough of an allowance', (draft, cast) => pay(draft, troupeOf(draft, cast).frugal, '5')),
]);

function troupeOf({ scene }: Draft, { troupes }: Cast) {
  return troupes[scene.signer];
}

function inUsdc(draft: Draft): void {
  const { name, version, address } = (draft.token = devUsdc);
  draft.domain = { ...draft.domain, name, version, verifyingContract: address };
}

function pay(draft: Draft, payer: Draft['payer'], amount: string): void {
  draft.payer = payer;
  draft.authorization.from = payer.address;
  value(draft, amount);
}

function value(draft: Draft, amount: string): void {
  draft.amount = amount;
  draft.authorization.value = amount;
}

function payee(draft: Draft, payTo: string): void {
  draft.payTo = payTo;
  draft.authorization.to = payTo;
}
