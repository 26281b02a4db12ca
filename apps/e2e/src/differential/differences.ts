import type { Difference } from './listed/difference.js';
import { permitDifferences } from './listed/permits.js';
import { requestDifferences } from './listed/requests.js';
import { signatureDifferences } from './listed/signatures.js';

export type { Difference } from './listed/difference.js';

/** All of them: of two that explain the same, the first counts. */
export const differences: readonly Difference[] = [
  ...requestDifferences,
  ...signatureDifferences,
  ...permitDifferences,
];

export type Verdicts = { readonly theirs: string; readonly ours: string };

/** What a payment is, and what is unusual about it. */
export type Oddity = { readonly scene: string; readonly kinds: readonly string[] };

/** Things unusual about a payment that neither side minds. */
const harmless = [
  /^(nothing unusual|version [12]|just funded|paying (oneself|the token)|validBefore in the far future)$/,
  /^(just enough of an allowance|extra with more in it|payment before the work)$/,
  /^(extensions( null)?|(no )?resource( null)?|a resource with more in it|no version beside the parts)$/,
  /^amount in the payload’s copy another$/,
  /^extra (with another|without a) facilitatorAddress$/,
  /^(no extra|extra (null|without a method|without a domain))$/,
  /^(the extension’s )?\S+ in (upper|lower) case$/,
  /^(the extension’s \S+|spender|permitted\.token|witness\.\w+) with a wrong checksum$/,
  /^signature: (bare|in the wallet’s longer form|upper case)$/,
  /^the extension’s (field that nobody knows|version 1\.0\.3|nonce another than signed)$/,
  /^(something to send along although Permit2 is approved|the EIP-2612 permit for ever)$/,
  /^an extension without its schema$/,
  // Beside another: of a permit that is not needed, and of bytes that are not looked at.
  /^the EIP-2612 permit (with another nonce|for another |signed by another key)/,
  /^the extension’s signature (random bytes|with the other v)$/,
  /^signature: twice$/,
];

/**
 * Why the two differ about a payment with these things unusual about it. Where there are two, one of the sides names the
 * other: there one of the words is enough. That we call something valid is explained by nothing but all of it.
 */
export function explanationOf({ scene, kinds }: Oddity, { theirs, ours }: Verdicts): Difference | undefined {
  return differences.find((difference) => {
    if (difference.scenes !== undefined && !difference.scenes.test(scene)) return false;
    if (!kinds.some((kind) => matches(difference.kinds, kind))) return false;
    const isTheirs = difference.theirs.includes(theirs);
    const isOurs = difference.ours.includes(ours);
    if (ours === 'valid') return isTheirs && isOurs && kinds.every((kind) => isHarmless(scene, kind));
    return kinds.length === 1 ? isTheirs && isOurs : isTheirs || isOurs;
  });
}

/** Whether a payment with it can be valid in our eyes. */
function isHarmless(scene: string, kind: string): boolean {
  if (matches(harmless, kind)) return true;
  return differences.some(
    ({ kinds, scenes, ours }) =>
      ours.includes('valid') && scenes?.test(scene) !== false && matches(kinds, kind),
  );
}

function matches(names: ReadonlyArray<string | RegExp>, kind: string): boolean {
  return names.some((known) => (typeof known === 'string' ? known === kind : known.test(kind)));
}
