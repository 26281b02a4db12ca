import { type Difference, words } from './difference.js';

/** By `exact`. */
const unmade = /^exact by Permit2.*ERC-6492/;
const formats = ['invalid_eip2612_extension_format', 'invalid_erc20_approval_extension_format'];

/** In payments by Permit2, and in what comes along with them. */
export const permitDifferences: readonly Difference[] = [
  {
    title: 'An extension that lacks a field',
    why:
      'A payer who sends a signature or a signed transaction along wants it used. Where one of the other fields is missing, ' +
      'or empty, the reference takes no notice of all of it, and says that the allowance is missing, or settles without. We ' +
      'name the field. (Without signature and transaction it is only the seller’s offer, to both.)',
    kinds: [/^the extension’s \S+ (missing|null|empty|an object)$/],
    theirs: [words.allowance, 'valid'],
    ours: formats,
  },
  {
    title: 'Fields of an extension in another form',
    why:
      'The same as for what is signed: a number has one spelling and at most 256 bits, a permit’s signature 65 bytes, a ' +
      'transaction whole bytes and no more than an approval takes. The reference reads some of it as if it were written ' +
      'properly, and fails at the rest without saying at what. A payment that is malformed is so whatever else is wrong.',
    kinds: [/^the extension’s /],
    theirs: ['valid', words.allowance, 'erc20_approval_tx_parse_failed'],
    ours: formats,
  },
  {
    title: 'An EIP-2612 permit over another amount',
    why:
      'The proxy wants it over exactly what the Permit2 authorization permits, and reverts with Permit2612AmountMismatch. ' +
      'The reference sees the simulation fail and says that the allowance is missing, which no other amount would mend. We ' +
      'compare the two.',
    kinds: [/^the EIP-2612 permit over /, 'the extension’s amount another than signed'],
    theirs: [words.allowance],
    ours: ['permit2_2612_amount_mismatch'],
  },
  {
    title: 'Approvals that cannot be settled with, or cost more than they should',
    why:
      'A signed approval is broadcast, and its gas paid, before the settlement. The reference looks at its target, function, ' +
      'spender and signer. We also hold it to this chain (one for another is never mined, one for any chain could be used ' +
      'on all of them), to the amount that the extension says, which must be enough, to sending no money along, to calldata ' +
      'without anything else in it, and to the gas that an approval takes, for the payer keeps what it does not use. What is ' +
      'neither an EIP-1559 nor a legacy transaction is not an approval that we can price.',
    kinds: [/^the approval /, 'the extension’s amount another than signed'],
    theirs: ['valid'],
    ours: [
      'erc20_approval_tx_wrong_target',
      'erc20_approval_tx_invalid_calldata',
      'erc20_approval_tx_too_expensive',
      'erc20_approval_tx_parse_failed',
    ],
  },
  {
    title: 'An approval excuses the allowance, and nothing else',
    why:
      'What is settled after an approval cannot be tried before it. The reference then looks at the balance alone and calls ' +
      'valid what is bound to fail. We try it all the same, and let it fail for the allowance only.',
    kinds: ['a nonce used before', 'paying the zero address', 'a payer whom the issuer blocks'],
    scenes: /with a signed approval/,
    theirs: ['valid'],
    ours: ['permit2_invalid_nonce', 'permit2_invalid_destination', words.permitSimulation],
  },
  {
    title: 'Why a settlement would fail',
    why:
      'The reference asks for balance and allowance when the simulation fails, and where both are there says that the ' +
      'simulation failed; where the allowance was to come with the payment, that it is missing. It has words for what the ' +
      'contracts’ errors say, and uses them when it settles. We use them here too, and look at the nonce before.',
    kinds: ['a nonce used before', 'paying the zero address'],
    scenes: /Permit2/,
    theirs: [words.permitSimulation, words.allowance],
    ours: ['permit2_invalid_nonce', 'permit2_invalid_destination'],
  },
  {
    title: 'Permits of a wallet that is yet to be made',
    why:
      'By `exact` anybody may settle: its factory, if it is on the list of allowed ones, is called in the same transaction, ' +
      'as for EIP-3009, and the simulation shows whether the payment would succeed. The reference takes no permit of a payer ' +
      'without code but an account’s, and calls the signature wrong whatever else is. (By `upto` both refuse it: only the ' +
      'facilitator that the payer named may call the proxy.)',
    kinds: [
      /^(nothing unusual|just funded|paying oneself|paying the token|validBefore in the far future)$/,
      'just enough of an allowance',
      /^signature: (bare|in the wallet’s longer form|upper case|with a word more before the magic)$/,
      'something to send along although Permit2 is approved',
      'the EIP-2612 permit for ever',
    ],
    scenes: unmade,
    theirs: [words.permitSignature],
    ours: ['valid'],
  },
  {
    title: 'What else is wrong with a permit of a wallet that is yet to be made',
    why:
      'Where the factory is not on the list, or reverts, or the settlement would not succeed, we say which and why; to the ' +
      'reference it is the signature.',
    kinds: [/./],
    scenes: unmade,
    theirs: [words.permitSignature],
    ours: [
      'eip6492_factory_not_allowed',
      'smart_wallet_deployment_failed',
      words.allowance,
      words.permitSimulation,
      'permit2_insufficient_balance',
      'permit2_invalid_nonce',
      'permit2_invalid_destination',
      'permit2_2612_amount_mismatch',
      'eip2612_from_mismatch',
      'eip2612_spender_not_permit2',
      'eip2612_deadline_expired',
    ],
  },
  {
    title: 'An account’s permit that is wrapped as a wallet’s',
    why: 'It names a factory that is not on the list, which is what we say, as both do for EIP-3009.',
    kinds: ['signature: wrapped as of a wallet to be made (ERC-6492)'],
    scenes: /^exact by Permit2, of an account$/,
    theirs: [words.permitSignature],
    ours: ['eip6492_factory_not_allowed'],
  },
];
