/** What a call that reverted says: the name of its error, where it has one that is known, and words for people. */
export type Revert = { readonly name: string | null; readonly words: string };

const textLengthMax = 120;
const wordLength = 64;
const errorSelector = '0x08c379a0';
const panicSelector = '0x4e487b71';

/** Custom errors of Permit2, the x402 proxies, and the usual tokens, by selector. */
const errors: Readonly<Record<string, readonly [name: string, meaning: string]>> = {
  // Permit2.
  '0x756688fe': ['InvalidNonce', 'the nonce is used'],
  '0x815e1d64': ['InvalidSigner', 'the signature is not the owner’s'],
  '0x8baa579f': ['InvalidSignature', 'the signature is not one'],
  '0x4be6321b': ['InvalidSignatureLength', 'the signature has not the length of one'],
  '0xb0669cbc': ['InvalidContractSignature', 'the owner’s contract refuses the signature'],
  '0xcd21db4f': ['SignatureExpired', 'the deadline has passed'],
  '0x3728b83d': ['InvalidAmount', 'more is asked for than permitted'],
  '0xff633a38': ['LengthMismatch', 'lists of different length'],
  '0xd81b2f2e': ['AllowanceExpired', 'the allowance has expired'],
  '0xf96fb071': ['InsufficientAllowance', 'the allowance is too low'],
  // The proxies of x402.
  '0x2c5211c6': ['InvalidAmount', 'the amount is not one that is settled'],
  '0xac6b05f5': ['InvalidDestination', 'the recipient is not one that is paid'],
  '0x49e27cff': ['InvalidOwner', 'the owner is not one that pays'],
  '0x59106c89': ['InvalidPermit2Address', 'the proxy knows no Permit2'],
  '0xa65539fa': ['PaymentTooEarly', 'the time of validAfter has not come'],
  '0x050cda49': ['Permit2612AmountMismatch', 'the EIP-2612 permit is over another amount'],
  '0x3ee5aeb5': ['ReentrancyGuardReentrantCall', 'the call came from within itself'],
  '0xfe64b4c7': ['AmountExceedsPermitted', 'more is to be settled than permitted'],
  '0x0f6fae87': ['UnauthorizedFacilitator', 'the payer named another facilitator'],
  // Tokens.
  '0xe450d38c': ['ERC20InsufficientBalance', 'the balance is too low'],
  '0xfb8f41b2': ['ERC20InsufficientAllowance', 'the allowance is too low'],
  '0xec442f05': ['ERC20InvalidReceiver', 'the token does not pay this recipient'],
  '0x96c6fd1e': ['ERC20InvalidSender', 'the token takes nothing from this sender'],
  '0x94280d62': ['ERC20InvalidSpender', 'the token lets this spender take nothing'],
  '0xe602df05': ['ERC20InvalidApprover', 'the token takes no approval of this owner'],
  '0x62791302': ['ERC2612ExpiredSignature', 'the permit has expired'],
  '0x4b800e46': ['ERC2612InvalidSigner', 'the permit is not by the owner'],
  '0xf645eedf': ['ECDSAInvalidSignature', 'the signature is not one'],
  '0xfce698f7': ['ECDSAInvalidSignatureLength', 'the signature has not the length of one'],
  '0xd78bce0c': ['ECDSAInvalidSignatureS', 'the signature is malleable'],
  '0x5274afe7': ['SafeERC20FailedOperation', 'the token refused'],
  '0xf4d678b8': ['InsufficientBalance', 'the balance is too low'],
  '0x13be252b': ['InsufficientAllowance', 'the allowance is too low'],
  '0x7939f424': ['TransferFromFailed', 'the token refused the transfer'],
  '0x1a15a3cc': ['PermitExpired', 'the permit has expired'],
  '0xddafbaef': ['InvalidPermit', 'the permit is not the owner’s'],
  '0x0f05f5bf': ['AuthorizationExpired', 'the authorization has expired'],
  '0xdf8e4372': ['AuthorizationNotYetValid', 'the authorization is not yet valid'],
  '0x9508f1f2': ['AuthorizationAlreadyUsed', 'the authorization is used'],
  '0xcbea1001': ['AuthorizationUsedOrCanceled', 'the authorization is used or canceled'],
  '0xd93c0665': ['EnforcedPause', 'the token is paused'],
  '0x9996b315': ['AddressEmptyCode', 'there is no contract where one was called'],
  '0xd6bda275': ['FailedCall', 'a call within failed'],
  '0x1425ea42': ['FailedInnerCall', 'a call within failed'],
};

/** What Solidity's own checks say. */
const panics: Readonly<Record<string, string>> = {
  '1': 'an assertion failed',
  '11': 'a number went out of its range',
  '12': 'a division by zero',
  '21': 'a value that its type has not got',
  '22': 'storage that is not encoded as it should be',
  '31': 'an empty list was shortened',
  '32': 'an index beyond the end of a list',
  '41': 'more memory than there is',
  '51': 'a function that was never set',
};

/**
 * Reads why a call reverted: the text that it gave, or the data that it reverted with as hex. Never throws, and
 * repeats no data: an error that is not known is named by its selector only.
 */
export function readRevert(revert: string): Revert {
  if (revert === '' || revert === '0x') return { name: null, words: 'without a reason' };
  const data = revert.toLowerCase();
  if (!/^0x[0-9a-f]+$/.test(data)) return ofText(revert);
  const selector = data.slice(0, 10);
  const known = errors[selector];
  if (known !== undefined) return { name: known[0], words: `with ${known[0]} (${known[1]})` };
  if (selector === panicSelector)
    return ofPanic(BigInt(`0x0${data.slice(10, 10 + wordLength)}`).toString(16));
  const text = selector === errorSelector ? textOf(data.slice(10)) : undefined;
  if (text !== undefined) return ofText(text);
  return { name: null, words: `with an unknown error (selector ${selector})` };
}

function ofText(text: string): Revert {
  const panic = /^panic 0x([0-9a-f]{1,64})$/.exec(text)?.[1];
  if (panic !== undefined) return ofPanic(panic);
  if (text === '') return { name: null, words: 'without a reason' };
  return { name: null, words: `with ${JSON.stringify(text.slice(0, textLengthMax))}` };
}

function ofPanic(code: string): Revert {
  return {
    name: 'Panic',
    words: `with a failed check of the contract's (${panics[code] ?? 'of no known kind'})`,
  };
}

/** The string of `Error(string)`; what was cut off of it is left out. */
function textOf(digits: string): string | undefined {
  const offset = Number.parseInt(digits.slice(wordLength - 8, wordLength), 16);
  const length = Number.parseInt(digits.slice(2 * wordLength - 8, 2 * wordLength), 16);
  if (offset !== 32 || !Number.isSafeInteger(length)) return undefined;
  return Buffer.from(
    digits.slice(2 * wordLength, 2 * wordLength + 2 * Math.min(length, 4 * textLengthMax)),
    'hex',
  ).toString('utf8');
}
