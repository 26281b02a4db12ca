import { type Difference, malformed, words } from './difference.js';

const numbers = 'value|validAfter|validBefore|nonce|deadline|permitted\\.amount|witness\\.validAfter';
const addresses = 'from|to|spender|permitted\\.token|witness\\.to|witness\\.facilitator';
const fields = `${numbers}|${addresses}|permitted|witness`;

/** In how a payment is written down, and in what the seller asks for. */
export const requestDifferences: readonly Difference[] = [
  {
    title: 'Something is missing, or of another type than it should be',
    why:
      'The reference throws (an HTTP 500 that names no fault of the caller), or hashes what it got and calls the signature ' +
      'wrong, which sends the caller looking in the wrong place. We name the field and what to send there. A payment ' +
      'that is malformed is so whatever else is wrong with it, and the chain is not asked about it.',
    kinds: [
      new RegExp(
        `^(${fields}|asset|payTo|amount) (missing|null|an object|a list|empty|no number|no address)$`,
      ),
      /^signature: (a number|null|missing)$/,
      /^no (payload|requirements|authorization|scheme|scheme’s payload)$/,
      'a scheme’s payload of nothing',
      'a list for the authorization',
      'null for the authorization',
      'the payload’s copy of the requirements missing',
      'nonce a number',
    ],
    theirs: [
      'error',
      'valid',
      words.signature,
      words.permitSignature,
      words.payloadType,
      words.permitAmount,
      words.permitExpired,
    ],
    ours: [...malformed, words.payloadType],
  },
  {
    title: 'A number in another notation',
    why:
      'Amounts and times are decimal digits in a string, by the specification. A JSON number loses digits above 2^53; hex, ' +
      'blanks, leading zeros or an empty text are spellings of numbers that also have the usual one, and two spellings of ' +
      'one payment must not be two payments to whoever compares requests. What no uint256 can be is no amount either.',
    kinds: [
      new RegExp(
        `^(${numbers}|amount) (as a number|in hex|with a leading zero|with a blank|empty|negative|a fraction|beyond 256 bits)$`,
      ),
      'nonce as 32 bytes',
    ],
    theirs: [
      'valid',
      'error',
      words.signature,
      words.permitSignature,
      words.payloadType,
      words.permitAmount,
      words.permitExpired,
      words.permitTooEarly,
      ...words.values,
    ],
    ours: malformed,
  },
  {
    title: 'Bytes that are none, or too few, or too many',
    why:
      'An address has 20 bytes and a nonce 32. The reference hashes what it got, or fails to, and calls the signature ' +
      'wrong; we name the field.',
    kinds: [
      new RegExp(`^(${addresses}|nonce) (too short|too long|a name)$`),
      /^signature: (no hex|without 0x|half a byte short)$/,
    ],
    theirs: [words.signature, words.permitSignature, 'error'],
    ours: ['invalid_payload'],
  },
  {
    title: 'Fields that nobody knows',
    why:
      'The reference ignores them. A misspelt field, or one of a later version, that is passed over in silence may have ' +
      'been a condition of the payment; a caller is told its name at once. Where the specification leaves room (`extra`, ' +
      '`extensions`, `resource`) anything may be added.',
    kinds: [/^a field more in /, 'a facilitator in the witness', 'both kinds of authorization'],
    theirs: ['valid'],
    ours: malformed,
  },
  {
    title: 'A payment of nothing',
    why:
      'A transfer of 0 is valid on chain, costs its payer nothing and the relayer its gas: whoever makes keys could empty ' +
      'the relayer with them. (Where nothing is due by the scheme `upto` nothing is sent.)',
    kinds: ['an amount of nothing'],
    theirs: ['valid', 'error', words.permitSimulation, words.permitSignature, 'eip6492_factory_not_allowed'],
    ours: ['invalid_payment_requirements'],
  },
  {
    title: 'maxTimeoutSeconds',
    why: 'The specification requires it, as a number above 0; the reference never reads it.',
    kinds: [/^maxTimeoutSeconds /],
    theirs: ['valid'],
    ours: malformed,
  },
  {
    title: 'Versions',
    why:
      'The reference throws on a version that is missing or unknown, and on requirements of the other version; it does not ' +
      'look at the version beside the two parts. We say which version to send. Two versions in one request leave open by ' +
      'which it is to be read.',
    kinds: [
      'version 3',
      'version as a text',
      'no version',
      'the other version',
      'another version beside the parts',
    ],
    theirs: ['error', 'valid'],
    ours: ['invalid_x402_version', 'invalid_payment_requirements'],
  },
  {
    title: 'Schemes and networks that are not offered',
    why:
      'The reference throws, an HTTP 500. That a payment is for something that we do not settle is a verdict about it, for ' +
      'which the specification has words. In version 1 the reference, set up for one network, takes payments for every ' +
      'other that has a name and asks its one node about them; what it then calls wrong is the signature.',
    kinds: [
      'another scheme',
      /^another network/,
      'a network that is none',
      'the network in the other version’s words',
    ],
    theirs: ['error', words.signature],
    ours: ['unsupported_scheme', 'invalid_network'],
  },
  {
    title: 'Two schemes in one payment',
    why:
      'The payer pays by one scheme and the seller asks for another: both refuse. The reference says by whose rules it did ' +
      'so; we say that the schemes differ, in the word that the scheme asked for has for it. Version 1 knows no `upto`.',
    kinds: ['another scheme in the requirements alone', 'another scheme in the payload alone'],
    theirs: ['error', words.payloadType],
    ours: ['invalid_exact_evm_scheme', 'invalid_upto_evm_scheme', 'unsupported_scheme'],
  },
  {
    title: 'Permit2 in version 1',
    why:
      'Version 1 of the protocol knows `exact` by EIP-3009 only. The reference looks for an authorization that is not there ' +
      'and throws.',
    kinds: ['version 1'],
    scenes: /Permit2/,
    theirs: ['error'],
    ours: [words.payloadType, 'unsupported_scheme'],
  },
  {
    title: 'What the seller asked to be paid by',
    why:
      '`extra.assetTransferMethod` is the seller’s word on how the money is to be moved, and he may not be able to use ' +
      'another way. The reference does as the payer says.',
    kinds: ['extra asks for EIP-3009', 'extra asks for Permit2', 'extra asks for an unknown method'],
    theirs: ['valid'],
    ours: [words.payloadType],
  },
  {
    title: 'An unknown payment flow',
    why:
      '`extra.paymentFlow` says when the seller settles. What is neither of the two that there are is a condition that we ' +
      'cannot keep; the reference never reads it.',
    kinds: ['an unknown payment flow'],
    theirs: ['valid'],
    ours: ['invalid_payment_requirements'],
  },
  {
    title: 'An asset that we do not settle',
    why:
      'What is settled is a list in our settings, so that nobody can have us call contracts of his own. The reference takes ' +
      'any address, and with another domain the signature fails first.',
    kinds: ['asset without code'],
    theirs: [words.signature, 'permit2_token_mismatch'],
    ours: ['unsupported_asset'],
  },
  {
    title: 'extra.name or extra.version that is no text',
    why: 'A domain cannot have a number for a name: it is as good as missing, and that is what we say.',
    kinds: ['extra with a number for a name'],
    theirs: [words.signature],
    ours: ['invalid_exact_evm_missing_eip712_domain'],
  },
];
