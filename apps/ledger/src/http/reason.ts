import { z } from 'zod';

const lengthMin = 3;
const lengthMax = 2_000;
const demand = `must say why, in ${lengthMin} to ${lengthMax} characters`;

/** Why somebody does something: kept for ever with what was done. */
export const reasonBody = z
  .string(demand)
  .trim()
  .min(lengthMin, demand)
  .max(lengthMax, demand)
  .describe('Why; it stays with what was done.');
