import type { EcdsaSignature, SignerQuestion } from '@quittance/exact-evm';
import type { Address } from 'viem';

/**
 * Questions of whose key signed and their answers as bytes, in which they go to another thread and come back without being
 * copied. A question is the digest (32), r (32), s (32) and the parity (1); an answer is whether a key made the signature
 * (1) and the address (20).
 */
const digestBytes = 32;
const signatureBytes = 65;
const questionBytes = digestBytes + signatureBytes;
const answerBytes = 21;

export function encodeQuestions(questions: readonly SignerQuestion[]): Uint8Array<ArrayBuffer> {
  // Not from Buffer's pool, which stays here.
  const bytes = Buffer.from(new ArrayBuffer(questions.length * questionBytes));
  questions.forEach(({ digest, signature: { r, s, parity } }, index) => {
    const at = index * questionBytes;
    bytes.set(digest, at);
    bytes.write(r, at + digestBytes, 'hex');
    bytes.write(s, at + 2 * digestBytes, 'hex');
    bytes[at + questionBytes - 1] = parity;
  });
  return bytes;
}

/** Answers each question, as bytes too. */
export function answerQuestions(
  questions: Uint8Array<ArrayBuffer>,
  recover: (digest: Uint8Array, signature: EcdsaSignature) => Address | undefined,
): Uint8Array<ArrayBuffer> {
  const bytes = Buffer.from(questions.buffer, questions.byteOffset, questions.byteLength);
  const count = bytes.length / questionBytes;
  const answers = Buffer.from(new ArrayBuffer(count * answerBytes));
  for (let index = 0; index < count; index += 1) {
    const at = index * questionBytes;
    const signer = recover(bytes.subarray(at, at + digestBytes), {
      r: bytes.toString('hex', at + digestBytes, at + 2 * digestBytes),
      s: bytes.toString('hex', at + 2 * digestBytes, at + 3 * digestBytes),
      parity: bytes[at + questionBytes - 1] === 1 ? 1 : 0,
    });
    if (signer === undefined) continue;
    answers[index * answerBytes] = 1;
    answers.write(signer.slice(2), index * answerBytes + 1, 'hex');
  }
  return answers;
}

export function decodeAnswers(answers: Uint8Array<ArrayBuffer>): Array<Address | undefined> {
  const bytes = Buffer.from(answers.buffer, answers.byteOffset, answers.byteLength);
  return Array.from({ length: bytes.length / answerBytes }, (_, index): Address | undefined => {
    const at = index * answerBytes;
    return bytes[at] === 1 ? `0x${bytes.toString('hex', at + 1, at + answerBytes)}` : undefined;
  });
}
