import {
  Controller,
  type DynamicModule,
  Get,
  Inject,
  Module,
  type ModuleMetadata,
  Res,
} from '@nestjs/common';

import { type HealthCheck, type Readiness, readiness } from './health.js';

const healthChecks = Symbol('healthChecks');

/** The part of a Fastify or Express reply that is needed here. */
type Reply = { status(code: number): unknown };

@Controller('health')
export class HealthController {
  private running: Promise<Readiness> | undefined;

  constructor(@Inject(healthChecks) private readonly checks: readonly HealthCheck[]) {}

  @Get('live')
  live(): { readonly status: 'live' } {
    return { status: 'live' };
  }

  @Get('ready')
  async ready(@Res({ passthrough: true }) reply: Reply): Promise<Readiness> {
    // Probes that come at once share one round of questions: a flood of them must not become a flood below.
    this.running ??= readiness(this.checks).finally(() => {
      this.running = undefined;
    });
    const result = await this.running;
    reply.status(result.status === 'ready' ? 200 : 503);
    return result;
  }
}

export type HealthModuleOptions = {
  readonly imports?: NonNullable<ModuleMetadata['imports']>;
  readonly inject?: readonly unknown[];
  readonly useFactory: (...dependencies: never[]) => readonly HealthCheck[];
};

/** `GET /health/live` and `GET /health/ready` for what the factory lists. */
@Module({})
export class HealthModule {
  static register(options: HealthModuleOptions): DynamicModule {
    return {
      module: HealthModule,
      imports: options.imports ?? [],
      controllers: [HealthController],
      providers: [
        {
          provide: healthChecks,
          inject: [...(options.inject ?? [])] as never[],
          useFactory: options.useFactory as (...dependencies: unknown[]) => readonly HealthCheck[],
        },
      ],
    };
  }
}
