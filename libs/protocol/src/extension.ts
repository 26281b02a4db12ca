import { atomicAmount, type AtomicAmount, atomicAmountMax, atomicAmountPattern } from '@quittance/money';
import { z } from 'zod';

import { describeIssues } from './issue.js';
import { lengthMax } from './length.js';
import type { ReasonCode } from './reason-codes.js';
import type { Refusal } from './verdict.js';

/** Keys of `paymentPayload.extensions`, and of `GET /supported`. */
export const paymentIdentifierKey = 'payment-identifier';
export const eip2612GasSponsoringKey = 'eip2612GasSponsoring';
export const erc20ApprovalGasSponsoringKey = 'erc20ApprovalGasSponsoring';

type Hex = `0x${string}`;
type Extensions = Readonly<Record<string, unknown>>;

/** What an extension says; null where the payer filled in nothing of it. */
export type ReadExtension<Info> =
  { readonly ok: true; readonly info: Info | null } | ({ readonly ok: false } & Refusal);

export type PaymentIdentifier = string;

/** The EIP-2612 permit to Permit2 that a payer sends along. Hex is lower case. */
export type Eip2612GasSponsoring = {
  readonly from: Hex;
  readonly asset: Hex;
  readonly spender: Hex;
  readonly amount: AtomicAmount;
  readonly nonce: AtomicAmount;
  readonly deadline: AtomicAmount;
  readonly signature: Hex;
};

/** The signed transaction that approves Permit2 which a payer sends along. Hex is lower case. */
export type Erc20ApprovalGasSponsoring = {
  readonly from: Hex;
  readonly asset: Hex;
  readonly spender: Hex;
  readonly amount: AtomicAmount;
  readonly signedTransaction: Hex;
};

/** An approval has some 170 bytes; with an access list a few hundred. */
const transactionHexLengthMax = 2 + 2 * 1_024;
const versionLengthMax = 32;

const addressExpected = 'an EVM address, 0x and 40 hex digits';
const numberExpected = 'a whole number as a string of decimal digits, at most 2^256 − 1';
const signatureExpected = "the 65 bytes r, s and v of the permit's signature, 0x and 130 hex digits";
const transactionExpected = 'the signed transaction in hex, 0x and two digits a byte';
const versionExpected = 'the version of the extension as a string, like "1"';
const identifierExpected = 'an id of 16 to 128 letters, digits, "-" and "_"';

const lowerCase = (text: string) => text.toLowerCase() as Hex;

const addressField = z
  .string({ error: addressExpected })
  .regex(/^0x[0-9a-fA-F]{40}$/, { error: addressExpected })
  .transform(lowerCase);

const isUint256 = (text: string) => atomicAmountPattern.test(text) && BigInt(text) <= atomicAmountMax;

const uint256Field = z
  .string({ error: numberExpected })
  .refine(isUint256, { error: numberExpected })
  .transform((text) => atomicAmount(BigInt(text)));

const versionField = z
  .string({ error: versionExpected })
  .check(lengthMax(versionLengthMax, versionExpected))
  .regex(/^[0-9]+(\.[0-9]+)*$/, { error: versionExpected });

const sponsoringFields = {
  from: addressField,
  asset: addressField,
  spender: addressField,
  amount: uint256Field,
  version: versionField,
};

const eip2612Schema = z.object({
  ...sponsoringFields,
  nonce: uint256Field,
  deadline: uint256Field,
  signature: z
    .string({ error: signatureExpected })
    .regex(/^0x[0-9a-fA-F]{130}$/, { error: signatureExpected })
    .transform(lowerCase),
});

const erc20ApprovalSchema = z.object({
  ...sponsoringFields,
  signedTransaction: z
    .string({ error: transactionExpected })
    .check(
      lengthMax(transactionHexLengthMax, `a transaction of at most ${transactionHexLengthMax} characters`),
    )
    .refine((text) => text.length % 2 === 0 && /^0x[0-9a-fA-F]+$/.test(text), { error: transactionExpected })
    .transform(lowerCase),
});

const identifierSchema = z.object({
  required: z.boolean({ error: 'true or false' }).nullish(),
  id: z
    .string({ error: identifierExpected })
    .regex(/^[A-Za-z0-9_-]{16,128}$/, { error: identifierExpected })
    .nullish(),
});

/**
 * Reads `payment-identifier`: the id under which the payer may ask again and gets the same answer. Refuses an id that
 * the seller requires and the payer left out. Never throws.
 */
export function readPaymentIdentifier(extensions: Extensions): ReadExtension<PaymentIdentifier> {
  const entry = entryOf(extensions, paymentIdentifierKey);
  if (entry === undefined) return { ok: true, info: null };
  const parsed = parse(identifierSchema, paymentIdentifierKey, entry);
  if (!parsed.ok) return refuse('invalid_payment_identifier', parsed.message);
  const { required, id } = parsed.data;
  if (typeof id === 'string') return { ok: true, info: id };
  if (required !== true) return { ok: true, info: null };
  return refuse(
    'payment_identifier_required',
    `The seller requires a payment identifier: send ${pathOf(paymentIdentifierKey)}.id, ${identifierExpected}.`,
  );
}

/** Reads `eip2612GasSponsoring`; without a signature it is only the seller's offer of it. Never throws. */
export function readEip2612GasSponsoring(extensions: Extensions): ReadExtension<Eip2612GasSponsoring> {
  const entry = entryOf(extensions, eip2612GasSponsoringKey);
  if (!isFilledIn(entry, 'signature')) return { ok: true, info: null };
  const parsed = parse(eip2612Schema, eip2612GasSponsoringKey, entry);
  if (!parsed.ok) return refuse('invalid_eip2612_extension_format', parsed.message);
  const { version: _, ...info } = parsed.data;
  return { ok: true, info };
}

/** Reads `erc20ApprovalGasSponsoring`; without a transaction it is only the seller's offer of it. Never throws. */
export function readErc20ApprovalGasSponsoring(
  extensions: Extensions,
): ReadExtension<Erc20ApprovalGasSponsoring> {
  const entry = entryOf(extensions, erc20ApprovalGasSponsoringKey);
  if (!isFilledIn(entry, 'signedTransaction')) return { ok: true, info: null };
  const parsed = parse(erc20ApprovalSchema, erc20ApprovalGasSponsoringKey, entry);
  if (!parsed.ok) return refuse('invalid_erc20_approval_extension_format', parsed.message);
  const { version: _, ...info } = parsed.data;
  return { ok: true, info };
}

const pathOf = (key: string) => `paymentPayload.extensions[${JSON.stringify(key)}].info`;

/** The `info` of an extension: undefined where there is no such extension, null where it has no info. */
function entryOf(extensions: Extensions, key: string): unknown {
  if (!Object.hasOwn(extensions, key)) return undefined;
  const extension = extensions[key];
  return isObject(extension) ? (extension['info'] ?? null) : null;
}

function isFilledIn(info: unknown, field: string): boolean {
  return isObject(info) && info[field] !== undefined && info[field] !== null;
}

type Parsed<Data> =
  { readonly ok: true; readonly data: Data } | { readonly ok: false; readonly message: string };

function parse<Schema extends z.ZodType>(
  schema: Schema,
  key: string,
  info: unknown,
): Parsed<z.output<Schema>> {
  const parsed = schema.safeParse(info);
  if (parsed.success) return { ok: true, data: parsed.data };
  const issues = parsed.error.issues.map((issue) => ({
    ...issue,
    path: ['paymentPayload', 'extensions', key, 'info', ...issue.path],
  })) as z.core.$ZodIssue[];
  const root = { paymentPayload: { extensions: { [key]: { info } } } };
  return { ok: false, message: describeIssues(issues, root, 'paymentPayload') };
}

function refuse(reason: ReasonCode, message: string): { readonly ok: false } & Refusal {
  return { ok: false, reason, message };
}

function isObject(value: unknown): value is Extensions {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
