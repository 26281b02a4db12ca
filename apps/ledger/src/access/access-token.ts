import { z } from 'zod';

import { type Role, roles, serviceActor } from './role.js';

const tokensMax = 1_000;

/** Who asks without a token, where that is allowed. */
export const anyone = 'anyone';
const rolesOfAnyone: readonly Role[] = ['viewer', 'analyst', 'auditor'];

const tokenSchema = z
  .strictObject({
    name: z
      .string()
      .regex(/^[a-zA-Z0-9][-._@a-zA-Z0-9]{0,63}$/, 'must be 1 to 64 of a-z, A-Z, 0-9, ".", "_", "@" and "-"')
      .refine((name) => name !== serviceActor, `must not be "${serviceActor}", which is the service itself`),
    sha256: z
      .string()
      .regex(/^[0-9a-fA-F]{64}$/, 'must be the SHA-256 of the token in 64 hexadecimal digits')
      .toLowerCase()
      .optional(),
    roles: z.array(z.enum(roles, `must be some of ${roles.join(', ')}`)).min(1, 'must name a role'),
  })
  .refine(({ name, sha256 }) => (sha256 === undefined) === (name === anyone), {
    path: ['sha256'],
    error: `must be there, but for "${anyone}", who has no token`,
  })
  .refine(
    ({ name, roles: given }) => name !== anyone || given.every((role) => rolesOfAnyone.includes(role)),
    {
      path: ['roles'],
      error: `must be some of ${rolesOfAnyone.join(', ')} for "${anyone}": nobody unknown writes`,
    },
  );

/** Whose token has which digest: tokens themselves are never kept. `anyone` has none. */
export type AccessToken = z.output<typeof tokenSchema>;

/** Reads ACCESS_TOKENS. */
export const accessTokensSchema = z
  .string()
  .transform((text, context): unknown => {
    try {
      return JSON.parse(text);
    } catch {
      context.addIssue({ code: 'custom', message: 'must be JSON: a list of {name, sha256, roles}' });
      return z.NEVER;
    }
  })
  .pipe(
    z
      .array(tokenSchema, 'must be a list of {name, sha256, roles}')
      .min(1, 'must have a token; leave the setting out to do without')
      .max(tokensMax, `must have at most ${tokensMax} tokens`)
      .refine((list) => isUnique(list.map(({ name }) => name)), 'must not have one name twice')
      .refine(
        (list) => isUnique(list.flatMap(({ sha256 = [] }) => sha256)),
        'must not have one sha256 twice',
      ),
  );

const isUnique = (texts: readonly string[]): boolean => new Set(texts).size === texts.length;
