import { atomicAmountMax, atomicAmountPattern, chainIdPattern } from '@quittance/money';
import { z } from 'zod';

import { lengthMax, lengthMin } from './length.js';
import { accountLengthMax, bodyLimits, schemeLengthMax, urlLengthMax } from './limits.js';
import type { NetworkV2 } from './network.js';

/** Fields shared by the payloads. Each one's `error` completes the sentence "… is not usable: send …". */

const text = (charactersMax: number, error: string) =>
  z.string({ error }).check(lengthMin(1, error), lengthMax(charactersMax, error));

export const schemeField = text(schemeLengthMax, 'the scheme\'s name as a string, like "exact"');

export const networkV1Field = text(schemeLengthMax, 'an x402 v1 network name, like "base-sepolia"');

export const networkV2Field = z
  .string({ error: 'a CAIP-2 network, like "eip155:84532"' })
  .regex(chainIdPattern, { error: 'a CAIP-2 network, like "eip155:84532"' })
  .transform((network) => network as NetworkV2);

export const accountField = text(accountLengthMax, 'an address as a string');

const amountExpected = 'atomic units as a string of decimal digits, like "10000"';

export const amountField = z
  .string({ error: amountExpected })
  .regex(atomicAmountPattern, { error: amountExpected })
  // Zod runs refinements after a failed pattern too, and BigInt throws on what the pattern refuses.
  .refine((digits) => !atomicAmountPattern.test(digits) || BigInt(digits) <= atomicAmountMax, {
    error: 'an amount of at most 2^256 − 1',
  });

const secondsExpected = 'a number of seconds above 0';

export const timeoutSecondsField = z
  .number({ error: secondsExpected })
  .positive({ error: secondsExpected })
  .max(Number.MAX_SAFE_INTEGER, { error: secondsExpected });

export const urlField = text(urlLengthMax, 'a URL as a string');

const textExpected = 'a string, or leave it out';

/** Free text that implementations leave out, or send as null or empty. */
export const optionalTextField = z
  .string({ error: textExpected })
  .check(lengthMax(bodyLimits.textLengthMax, textExpected))
  .nullish();

export const recordField = z.record(z.string(), z.unknown(), { error: 'an object' });

export const optionalRecordField = z
  .record(z.string(), z.unknown(), { error: 'an object, or leave it out' })
  .nullish();

/** An object that some implementations leave out or send as null where others require it. */
export const defaultedRecordField = optionalRecordField.transform((record) => record ?? {});

export const defaultedTextField = optionalTextField.transform((value) => value ?? '');

export const versionField = <Version extends 1 | 2>(version: Version) =>
  z.literal(version, { error: `the number ${version}` });
