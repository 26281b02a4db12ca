import { expect } from '@jest/globals';
import { settleResponseSchema, verifyResponseSchema } from '@quittance/protocol';

import { post, type Replica } from './stack.fixture.js';

export const routes = ['/verify', '/settle'] as const;
export type Make = () => Promise<unknown>;
/** What is wrong, a body with that, the reason for which it is refused, and what the message has to say. */
export type RefusalRow = readonly [what: string, make: Make, reason: string, says: RegExp];

/** Refused with 200, for the reason, in a sentence, and in the shape that published clients parse. */
export async function expectRefusal(
  replica: Replica,
  route: (typeof routes)[number],
  [, make, reason, says]: RefusalRow,
): Promise<void> {
  const { status, body } = await post(replica, route, await make());
  const [told, message] =
    route === '/verify'
      ? [body['invalidReason'], body['invalidMessage']]
      : [body['errorReason'], body['errorMessage']];
  if (route === '/verify') verifyResponseSchema.parse(body);
  else settleResponseSchema.parse(body);
  expect([told, String(message)]).toEqual([reason, expect.stringMatching(says)]);
  expect(status).toBe(200);
  // A sentence for people, and never what the node or the chain said in bytes.
  expect(message).toMatch(/^([A-Z]|payment(Payload|Requirements)\.).*\.$/s);
  expect(message).not.toMatch(/0x[0-9a-f]{65,}/);
}
