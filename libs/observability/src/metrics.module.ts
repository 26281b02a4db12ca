import {
  Controller,
  type DynamicModule,
  Get,
  Header,
  Inject,
  Module,
  type ModuleMetadata,
} from '@nestjs/common';

import { Metrics, metricsContentType } from './metrics.js';

@Controller('metrics')
export class MetricsController {
  constructor(@Inject(Metrics) private readonly metrics: Metrics) {}

  @Get()
  @Header('content-type', metricsContentType)
  async page(): Promise<string> {
    return this.metrics.text();
  }
}

export type MetricsModuleOptions = {
  readonly imports?: NonNullable<ModuleMetadata['imports']>;
  readonly inject?: readonly unknown[];
  readonly useFactory: (...dependencies: never[]) => Metrics;
};

/** `GET /metrics` for Prometheus. Whatever imports the module may have the `Metrics` injected. */
@Module({})
export class MetricsModule {
  static register(options: MetricsModuleOptions): DynamicModule {
    return {
      module: MetricsModule,
      imports: options.imports ?? [],
      controllers: [MetricsController],
      providers: [
        {
          provide: Metrics,
          inject: [...(options.inject ?? [])] as never[],
          useFactory: options.useFactory as (...dependencies: unknown[]) => Metrics,
        },
      ],
      exports: [Metrics],
    };
  }
}
