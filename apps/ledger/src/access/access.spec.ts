import { createHash } from 'node:crypto';
import { EventEmitter } from 'node:events';

import { describe, expect, it } from '@jest/globals';
import type { ExecutionContext } from '@nestjs/common';

import { AccessGuard, actorOf, Needs } from './access.guard.js';
import { type AccessToken, accessTokensSchema } from './access-token.js';

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');
const tokens = accessTokensSchema.parse(
  JSON.stringify([
    { name: 'anyone', roles: ['viewer'] },
    { name: 'ada', sha256: sha256('secret').toUpperCase(), roles: ['operator'] },
    { name: 'otto', sha256: sha256('other'), roles: ['auditor'] },
  ]),
);

type Asked = { readonly method?: string; readonly url?: string; readonly authorization?: string };

/** A request as Nest hands it to a guard, to a route with these marks. */
function asked(
  { method = 'GET', url = '/x', authorization }: Asked,
  marks: readonly ReturnType<typeof Needs>[] = [],
) {
  const handler = (): void => undefined;
  for (const mark of marks) mark(handler);
  const request = { method, url, headers: authorization === undefined ? {} : { authorization } };
  return {
    getType: () => 'http',
    getHandler: () => handler,
    getClass: () => class {},
    switchToHttp: () => ({ getRequest: () => request, getResponse: () => ({ raw: new EventEmitter() }) }),
  } as unknown as ExecutionContext;
}

const pass = (context: ExecutionContext, configured: readonly AccessToken[] | null = tokens): string => {
  try {
    return new AccessGuard(configured).canActivate(context) ? 'passes' : 'fails';
  } catch (error) {
    return (error as { problem: { code: string } }).problem.code;
  }
};

describe('the guard', () => {
  const ada = 'Bearer secret';

  it.each([
    [{ authorization: ada }, [Needs('operator')], 'passes'],
    [{ authorization: 'bearer  secret' }, [Needs('viewer')], 'passes'],
    [{ authorization: ada }, [Needs('auditor')], 'forbidden'],
    [{ authorization: ada }, [Needs('auditor', 'operator')], 'passes'],
    [{ authorization: 'Bearer Secret' }, [Needs('viewer')], 'unauthorized'],
    [{ authorization: 'Bearer ' }, [Needs('viewer')], 'unauthorized'],
    [{ authorization: 'Basic secret' }, [Needs('viewer')], 'unauthorized'],
    [{ authorization: `Bearer ${'x'.repeat(513)}` }, [Needs('viewer')], 'unauthorized'],
    [{}, [Needs('viewer')], 'passes'],
    [{}, [Needs('operator')], 'unauthorized'],
    [{ authorization: ada }, [], 'forbidden'],
    [{ authorization: 'Bearer other' }, [], 'passes'],
    [{ authorization: 'Bearer other', method: 'POST' }, [], 'forbidden'],
    [{ url: '/health/ready?x' }, [], 'passes'],
    [{ url: '/metrics' }, [], 'passes'],
    [{ url: '/metrics/x' }, [], 'unauthorized'],
    [{ url: '/metrics', method: 'POST' }, [], 'unauthorized'],
  ])('to %j on a route with %j: %s', (request, marks, outcome) => {
    expect(pass(asked(request, marks))).toBe(outcome);
  });

  it('lets everybody read and nobody write where no tokens are configured', () => {
    expect(pass(asked({}, [Needs('auditor')]), null)).toBe('passes');
    expect(pass(asked({ method: 'POST', authorization: ada }, [Needs('viewer')]), null)).toBe(
      'access_not_configured',
    );
  });

  it('lets events through: they are no requests', () => {
    expect(pass({ getType: () => 'rpc' } as unknown as ExecutionContext)).toBe('passes');
  });

  it('says who it let through', () => {
    const context = asked({ authorization: ada, method: 'POST' }, [Needs('operator')]);
    expect(pass(context)).toBe('passes');
    expect(actorOf(context)).toEqual({ name: 'ada', roles: ['operator'] });
  });
});

describe('ACCESS_TOKENS', () => {
  const one = { name: 'ada', sha256: sha256('a'), roles: ['viewer'] };
  it.each([
    ['{', /must be JSON/],
    ['{}', /must be a list/],
    ['[]', /must have a token/],
    [JSON.stringify([{ ...one, roles: ['king'] }]), /must be some of viewer, analyst/],
    [JSON.stringify([{ ...one, roles: [] }]), /must name a role/],
    [JSON.stringify([{ ...one, sha256: 'secret' }]), /SHA-256 of the token/],
    [JSON.stringify([{ ...one, name: 'ledger' }]), /the service itself/],
    [JSON.stringify([{ ...one, name: 'a b' }]), /must be 1 to 64/],
    [JSON.stringify([{ ...one, sha256: undefined }]), /must be there/],
    [JSON.stringify([{ name: 'anyone', roles: ['controller'] }]), /nobody unknown writes/],
    [JSON.stringify([one, { ...one, sha256: sha256('b') }]), /one name twice/],
    [JSON.stringify([one, { ...one, name: 'ben' }]), /one sha256 twice/],
    [JSON.stringify([{ ...one, token: 'a' }]), /[Uu]nrecognized key/],
  ])('%s is refused, and says why', (text, message) => {
    const parsed = accessTokensSchema.safeParse(text);
    expect(parsed.error?.issues.map((issue) => issue.message).join()).toMatch(message);
  });
});
