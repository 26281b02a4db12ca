import { createHash, timingSafeEqual } from 'node:crypto';

import {
  type CanActivate,
  type CustomDecorator,
  type ExecutionContext,
  Injectable,
  SetMetadata,
} from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import type { FastifyReply, FastifyRequest } from 'fastify';

import { ProblemError } from '../http/problem.error.js';
import type { Read } from './access-log.repository.js';
import { type AccessToken, anyone } from './access-token.js';
import { type Actor, may, type Role } from './role.js';

const neededRoles = Symbol('neededRoles');
const foundActor = Symbol('foundActor');

/** What everybody may ask who reaches the port: probes and scrapers have no tokens. */
const openPaths = /^\/(health\/(live|ready)|metrics)$/;
const bearer = /^bearer +([!-~]{1,512})$/i;
const readMethods: ReadonlySet<string> = new Set(['GET', 'HEAD']);

type Asking = FastifyRequest & { [foundActor]?: Actor };

/** The role that a controller or one of its routes needs, or one of several. A route that says nothing needs the strictest of its kind. */
export const Needs = (...anyOf: readonly [Role, ...Role[]]): CustomDecorator<symbol> =>
  SetMetadata(neededRoles, anyOf);

/** Who asks: the guard let nobody write who is not known. */
export function actorOf(context: ExecutionContext): Actor {
  const actor = context.switchToHttp().getRequest<Asking>()[foundActor];
  if (actor === undefined) throw new TypeError('a write came through without an actor');
  return actor;
}

/** Lets through who has the role that a route needs. Without tokens configured reads are open, and there are no writes. */
@Injectable()
export class AccessGuard implements CanActivate {
  private readonly reflector = new Reflector();
  private readonly known: readonly { readonly digest: Buffer; readonly actor: Actor }[];
  private readonly unknown: Actor | null;

  /** `tokens` are null where none are configured. */
  constructor(
    private readonly tokens: readonly AccessToken[] | null,
    private readonly noteRead: (read: Read) => void = () => undefined,
  ) {
    this.known = (tokens ?? []).flatMap(({ sha256, name, roles }) =>
      sha256 === undefined ? [] : [{ digest: Buffer.from(sha256, 'hex'), actor: { name, roles } }],
    );
    this.unknown = tokens?.find(({ name }) => name === anyone) ?? null;
  }

  canActivate(context: ExecutionContext): boolean {
    // Events come through here too.
    if (context.getType() !== 'http') return true;
    const request = context.switchToHttp().getRequest<Asking>();
    const reads = readMethods.has(request.method);
    if (reads && openPaths.test(request.url.split('?')[0] ?? '')) return true;
    if (this.tokens === null) {
      if (!reads) throw notConfigured();
      this.noteWhenAnswered(context, null);
      return true;
    }
    const actor = this.actorOf(request.headers.authorization);
    const marked = this.reflector.getAllAndOverride<readonly Role[] | undefined>(neededRoles, [
      context.getHandler(),
      context.getClass(),
    ]);
    const needed = marked ?? [reads ? 'auditor' : 'controller'];
    if (!needed.some((role) => may(actor, role)))
      throw actor === this.unknown ? unauthorized(sendToken) : missingRole(actor, needed);
    request[foundActor] = actor;
    if (reads) this.noteWhenAnswered(context, actor);
    return true;
  }

  private noteWhenAnswered(context: ExecutionContext, actor: Actor | null): void {
    const http = context.switchToHttp();
    const { url } = http.getRequest<Asking>();
    const { raw } = http.getResponse<FastifyReply>();
    raw.once('finish', () => {
      this.noteRead({ at: new Date(), actor: actor?.name ?? null, request: url, status: raw.statusCode });
    });
  }

  private actorOf(header: string | undefined): Actor {
    if (header === undefined && this.unknown !== null) return this.unknown;
    const token = bearer.exec(header ?? '')?.[1];
    if (token === undefined) throw unauthorized(sendToken);
    const digest = createHash('sha256').update(token).digest();
    // Each is compared, and each to its end: how long it takes tells nothing about which came close.
    let found: Actor | null = null;
    for (const known of this.known) if (timingSafeEqual(known.digest, digest)) found = known.actor;
    if (found === null) throw unauthorized('The token is not one of ACCESS_TOKENS. Send one that is.');
    return found;
  }
}

const sendToken = 'Send a token: "Authorization: Bearer …".';

const unauthorized = (detail: string): ProblemError =>
  new ProblemError({ status: 401, code: 'unauthorized', title: 'Who is asking is not known', detail });

const missingRole = ({ name, roles }: Actor, needed: readonly Role[]): ProblemError =>
  new ProblemError({
    status: 403,
    code: 'forbidden',
    title: 'Not allowed',
    detail: `This needs the role ${needed.join(' or ')}; "${name}" has ${roles.join(', ')}. Ask somebody who has it.`,
  });

const notConfigured = (): ProblemError =>
  new ProblemError({
    status: 403,
    code: 'access_not_configured',
    title: 'Writing is switched off',
    detail:
      'Nothing is written for somebody unknown. Set ACCESS_TOKENS to a JSON list of {name, sha256, roles} and start the ledger anew.',
  });
