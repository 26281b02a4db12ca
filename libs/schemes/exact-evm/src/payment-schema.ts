import { atomicAmountMax, atomicAmountPattern } from '@quittance/money';
import { lengthMax } from '@quittance/protocol';
import type { Address, Hex } from 'viem';
import { z } from 'zod';

/** Far above any token's; bounds what one caller can make us hash and remember. */
const domainTextLengthMax = 256;

/** A counterfactual wallet's signature is a few kilobytes; what is longer is nobody's. */
const signatureHexLengthMax = 16_384;

const problemsNamedMax = 3;
const fieldNameLengthMax = 64;

const addressExpected = 'an EVM address, 0x and 40 hex digits';
const nonceExpected = 'a nonce of 32 bytes, 0x and 64 hex digits';
const signatureExpected = 'the signature in hex, 0x and two digits a byte';
const numberExpected = 'a whole number as a string of decimal digits, at most 2^256 − 1';

/** Not a pattern of pairs: on a text of megabytes the engine's stack overflows, which is an exception. */
const digitsPattern = /^0x[0-9a-fA-F]*$/;

const lowerCase = <T extends string>(text: string) => text.toLowerCase() as T;

const addressField = z
  .string({ error: addressExpected })
  .regex(/^0x[0-9a-fA-F]{40}$/, { error: addressExpected })
  .transform(lowerCase<Address>);

const nonceField = z
  .string({ error: nonceExpected })
  .regex(/^0x[0-9a-fA-F]{64}$/, { error: nonceExpected })
  .transform(lowerCase<Hex>);

const signatureField = z
  .string({ error: signatureExpected })
  .check(lengthMax(signatureHexLengthMax, `a signature of at most ${signatureHexLengthMax} characters`))
  .refine((text) => text.length % 2 === 0 && digitsPattern.test(text), { error: signatureExpected })
  .transform(lowerCase<Hex>);

const uint256Field = z
  .string({ error: numberExpected })
  // One check, not two: zod goes on after a failed pattern, and BigInt throws on what is no number.
  .refine((text) => atomicAmountPattern.test(text) && BigInt(text) <= atomicAmountMax, {
    error: numberExpected,
  });

const authorizationExpected =
  'the EIP-3009 authorization as an object of from, to, value, validAfter, validBefore and nonce';

/** `payload` of a payment with EIP-3009: what the payer signed, and the signature. */
export const transferPayloadSchema = z.strictObject(
  {
    signature: signatureField,
    authorization: z.strictObject(
      {
        from: addressField,
        to: addressField,
        value: uint256Field,
        validAfter: uint256Field,
        validBefore: uint256Field,
        nonce: nonceField,
      },
      { error: authorizationExpected },
    ),
  },
  { error: 'an object of signature and authorization' },
);

const permitExpected =
  'the Permit2 authorization as an object of from, permitted, spender, nonce, deadline and witness';

const permitPayloadSchema = <Witness extends z.ZodType>(witness: Witness) =>
  z.strictObject(
    {
      signature: signatureField,
      permit2Authorization: z.strictObject(
        {
          from: addressField,
          permitted: z.strictObject(
            { token: addressField, amount: uint256Field },
            { error: 'an object of token and amount' },
          ),
          spender: addressField,
          nonce: uint256Field,
          deadline: uint256Field,
          witness,
        },
        { error: permitExpected },
      ),
    },
    { error: 'an object of signature and permit2Authorization' },
  );

/** `payload` of a payment by `exact` with Permit2. */
export const exactPermitPayloadSchema = permitPayloadSchema(
  z.strictObject({ to: addressField, validAfter: uint256Field }, { error: 'an object of to and validAfter' }),
);

/** `payload` of a payment by `upto`. */
export const uptoPermitPayloadSchema = permitPayloadSchema(
  z.strictObject(
    { to: addressField, facilitator: addressField, validAfter: uint256Field },
    { error: 'an object of to, facilitator and validAfter' },
  ),
);

const domainText = z
  .string({ error: 'a string' })
  .check(lengthMax(domainTextLengthMax, `a text of at most ${domainTextLengthMax} characters`));

const termsFields = { asset: addressField, payTo: addressField, amount: uint256Field };

/** What is read of the requirements; the protocol has checked the rest, and `extra` is free-form. */
export const permitRequirementsSchema = z.object(termsFields);

/** The same of a payment with EIP-3009, which is signed in the token's domain. */
export const transferRequirementsSchema = z.object({
  ...termsFields,
  extra: z.object({ name: domainText, version: domainText }),
});

/** What is wrong, in words for whoever sent it: the path of each mistake and what to send there. */
export function describeProblems(root: string, error: z.ZodError): string {
  return error.issues
    .slice(0, problemsNamedMax)
    .map((issue) => describeProblem(root, issue))
    .join(' ');
}

function describeProblem(root: string, issue: z.core.$ZodIssue): string {
  const path = [root, ...issue.path.map(String)].join('.');
  if (issue.code !== 'unrecognized_keys') return `${path} is not usable: send ${issue.message}.`;
  const names = issue.keys
    .slice(0, problemsNamedMax)
    .map((key) => `${path}.${JSON.stringify(key.slice(0, fieldNameLengthMax))}`);
  return `${names.join(', ')}: no such field here; leave it out.`;
}
