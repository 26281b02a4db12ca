import type { Hex } from 'viem';

import { exactPermit2ProxyAddress, uptoPermit2ProxyAddress } from './address.js';
import type { Call } from './calldata.js';
import type { Eip2612Sponsoring, Permit2Payment } from './payment.js';
import { readSignature } from './signature.js';
import { signatureKindOf } from './signature-kind.js';
import { bytesWords, hexWord, numberWord, type Word, wordBytes } from './word.js';

/** What the call of a proxy is made of. */
export type PermitSettlement = Pick<
  Permit2Payment,
  | 'method'
  | 'payer'
  | 'payTo'
  | 'token'
  | 'value'
  | 'nonce'
  | 'validAfter'
  | 'validBefore'
  | 'facilitator'
  | 'signature'
  | 'sponsoring'
> & { readonly requirements: Pick<Permit2Payment['requirements'], 'amount'> };

const wordDigits = 64;
const addressDigits = 40;
const selectors = {
  exact: { settle: '0x13cd3b53', settleWithPermit: '0xfa340378' },
  upto: { settle: '0xff11e7b4', settleWithPermit: '0x016c1748' },
} as const;

/** `settle` or `settleWithPermit` of the proxy of the payment's scheme. */
export function encodePermitSettlement(payment: PermitSettlement): Call {
  const { facilitator, sponsoring } = payment;
  const isExact = facilitator === null;
  const names = isExact ? selectors.exact : selectors.upto;
  const permit2612 = sponsoring?.kind === 'eip2612' ? permit2612Words(sponsoring) : [];
  const head = [
    ...permit2612,
    hexWord(payment.token),
    numberWord(payment.value),
    hexWord(payment.nonce),
    numberWord(payment.validBefore),
    ...(isExact ? [] : [numberWord(payment.requirements.amount)]),
    hexWord(payment.payer),
    hexWord(payment.payTo),
    ...(isExact ? [] : [hexWord(facilitator)]),
    numberWord(payment.validAfter),
  ];
  const offset = numberWord((head.length + 1) * wordBytes);
  const selector: Hex = permit2612.length > 0 ? names.settleWithPermit : names.settle;
  return {
    to: isExact ? exactPermit2ProxyAddress : uptoPermit2ProxyAddress,
    data: `${selector}${head.join('')}${offset}${bytesWords(signatureTaken(payment.signature))}`,
  };
}

/** Words of a permit that a token takes before Permit2 does. */
const permit2612WordCount = 5;
const nonceWord = 2;
const payerWords = { exact: 4, upto: 5 } as const;

/** The permit that a call of a proxy settles, by who signed it and its nonce; null for other calls. */
export function permitSettledBy(calldata: Hex): { readonly payer: Hex; readonly nonce: Hex } | null {
  const selector = calldata.slice(0, 10);
  const scheme = (['exact', 'upto'] as const).find((name) =>
    Object.values<string>(selectors[name]).includes(selector),
  );
  if (scheme === undefined) return null;
  const start = selector === selectors[scheme].settle ? 0 : permit2612WordCount;
  const wordAt = (index: number) => calldata.slice(10 + index * wordDigits, 10 + (index + 1) * wordDigits);
  const [nonce, payer] = [wordAt(start + nonceWord), wordAt(start + payerWords[scheme])];
  return payer.length < wordDigits
    ? null
    : { payer: `0x${payer.slice(-addressDigits)}`, nonce: `0x${nonce}` };
}

/** The signature as Permit2 takes it: of an account with v as 27 or 28, where wallets may write the parity alone. */
function signatureTaken(signature: Hex): Hex {
  const kind = signatureKindOf(signature);
  if (kind.kind === 'counterfactual') return kind.innerSignature;
  if (kind.kind === 'contract') return signature;
  const reading = readSignature(signature, 'any');
  if (!reading.ok) return signature;
  const { r, s, parity } = reading.signature;
  return `0x${r}${s}${parity === 0 ? '1b' : '1c'}`;
}

function permit2612Words({ amount, deadline, signature }: Eip2612Sponsoring): Word[] {
  const digits = signature.slice(2);
  const v = Number.parseInt(digits.slice(128), 16);
  return [
    numberWord(amount),
    numberWord(deadline),
    digits.slice(0, 64),
    digits.slice(64, 128),
    // As tokens take it: wallets may write the parity alone.
    numberWord(v < 27 ? v + 27 : v),
  ];
}
