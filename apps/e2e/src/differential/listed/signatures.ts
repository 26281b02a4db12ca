import { type Difference, words } from './difference.js';

/** In signatures, and in who gives them. */
export const signatureDifferences: readonly Difference[] = [
  {
    title: 'The upper of the two forms of a signature',
    why:
      'Anybody can turn a signature into its twin with s in the upper half; tokens refuse it (EIP-2), though Permit2 does not. The reference takes it ' +
      'for good and finds out by the simulation, without knowing why. We say what is wrong with it.',
    kinds: ['signature: high s'],
    theirs: [words.simulation],
    ours: [words.signature],
  },
  {
    title: 'A recovery value of 0 or 1',
    why:
      'Some signers give v as 0 or 1 instead of 27 or 28. The signature is the payer’s all the same. Contracts want 27 or 28, ' +
      'so the reference, which passes on what it got, sees its simulation fail. We put v in the form that they want, in ' +
      'the simulation and in the transaction.',
    kinds: ['signature: v of 0 or 1', 'the extension’s signature with v of 0 or 1'],
    theirs: [words.simulation, words.permitSimulation, words.allowance],
    ours: ['valid'],
  },
  {
    title: 'Addresses with large and small letters',
    why:
      'The letters of an address are a checksum for people who type (EIP-55); what is signed and moved are its 20 bytes. ' +
      'The signature over those bytes proves that they are meant, which no checksum could. The reference’s library refuses ' +
      'to hash such an address, and the signature is called wrong; nor does it read the balance of one.',
    kinds: [/^(from|to|payTo) (in upper case|with a wrong checksum)$/],
    theirs: [words.signature, words.permitSimulation],
    ours: ['valid', 'permit2_insufficient_balance'],
  },
  {
    title: 'More than 65 bytes, and nobody there',
    why:
      'An account’s signature has 65 bytes: what is longer is a wallet’s, and where no wallet is deployed nobody can say ' +
      'whether it is good. The specification has a word for that, which tells the payer what to do; the reference calls ' +
      'the signature wrong.',
    kinds: [
      'signature: a byte too long',
      'signature: twice',
      'signature: many random bytes',
      'signature: not wrapped by ERC-6492',
      'signature: a byte short',
    ],
    scenes: /EIP-3009/,
    theirs: [words.signature],
    ours: ['invalid_exact_evm_payload_undeployed_smart_wallet'],
  },
  {
    title: 'A broken ERC-6492 wrapping',
    why:
      'The signature ends in the magic of ERC-6492, and what stands before it is no wrapping, or names no factory. The ' +
      'reference throws (HTTP 500). Where the payer has no code we say that it cannot be taken apart; where he has, his ' +
      'contract is asked about all of it, as the settlement would pass it on, and its answer counts.',
    kinds: [
      'signature: with the magic of ERC-6492 and nothing it needs',
      'signature: with a word less in its wrapping',
      'signature: wrapped with no factory',
      'signature: wrapped without a factory (ERC-6492)',
    ],
    theirs: ['error', words.signature],
    ours: ['invalid_exact_evm_failed_to_parse_signature', words.signature, words.permitSignature],
  },
  {
    title: 'More at the end of a signature than the wallet looks at',
    why:
      'A wallet’s own form may have room for more: the wallet of the run takes what it needs from the front, and the magic of ' +
      'ERC-6492 behind that does not disturb it. Its contract says that the signature is good, the settlement would pass on ' +
      'the same bytes and succeed. The reference throws.',
    kinds: ['signature: with the magic of ERC-6492 and nothing it needs'],
    scenes: /of a deployed wallet/,
    theirs: ['error', words.permitSignature],
    ours: ['valid'],
  },
  {
    title: 'A permit of a deployed wallet in an ERC-6492 wrapping',
    why:
      'Wallets go on wrapping their signatures for a while after they are deployed, and ERC-6492 has verifiers unwrap them. ' +
      'The reference does so for EIP-3009, and when it settles a permit, but not when it verifies one. We ask the wallet ' +
      'about what would be settled with; no factory is called.',
    kinds: [
      'signature: wrapped as of a wallet to be made (ERC-6492)',
      /^signature: wrapped by ERC-6492 although/,
      'signature: wrapped without a factory (ERC-6492)',
    ],
    scenes: /Permit2.* of (a deployed wallet|an account with a delegate)/,
    theirs: [words.permitSignature],
    ours: ['valid'],
  },
  {
    title: 'A factory that fails',
    why:
      'The wallet’s factory is one that may be called, and reverts. The reference says that the transfer failed in the ' +
      'simulation, which it could but do; we say what did.',
    kinds: [/^signature: wrapped with (calldata that the factory refuses|no calldata)$/],
    scenes: /EIP-3009/,
    theirs: [words.simulation],
    ours: ['smart_wallet_deployment_failed'],
  },
];
