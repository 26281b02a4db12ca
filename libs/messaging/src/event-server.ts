import { type ArgumentsHost, Catch, type RpcExceptionFilter, UseFilters } from '@nestjs/common';
import {
  type CustomTransportStrategy,
  EventPattern,
  type MessageHandler,
  Server,
} from '@nestjs/microservices';
import type { TopicName } from '@quittance/events';
import { isObservable, lastValueFrom, type Observable, throwError } from 'rxjs';

import { EventHandlerFaultHiddenError, TransportMisconfiguredError } from './transport.error.js';
import {
  type EventBatch,
  type EventTransport,
  type MessagingLogger,
  silentLogger,
  type SubscribeOptions,
} from './transport.js';

/** Hands a handler's own error on; Nest's default filter would put "Internal server error" in its place. */
@Catch()
class EventFaultFilter implements RpcExceptionFilter {
  catch(fault: unknown, _host: ArgumentsHost): Observable<never> {
    return throwError(() => fault);
  }
}

/**
 * Marks a controller's method as the handler of a topic: it gets one `EventBatch`, and the offset moves after its
 * promise resolves. An error that says `retryable` brings the batch again, for ever; see `EventTransport.subscribe`.
 */
export function OnEventBatch(topic: TopicName): MethodDecorator {
  return (target, name, descriptor) => {
    const handlesTopic: MethodDecorator = EventPattern<string>(topic);
    handlesTopic(target, name, descriptor);
    UseFilters(EventFaultFilter)(target, name, descriptor);
  };
}

export type EventServerOptions = {
  readonly group: string;
  readonly batchMax?: number;
  readonly gatherMs?: number;
  readonly unhurried?: SubscribeOptions['unhurried'];
  readonly logger?: MessagingLogger;
};

/** Nest's way to the event transport: the strategy of a microservice whose handlers are topics. */
export class EventServer extends Server implements CustomTransportStrategy {
  // The transport sees the handlers' errors and acts on them; Nest need not log them too.
  override propagatesEventHandlerErrors = true;

  constructor(
    private readonly transport: EventTransport,
    private readonly options: EventServerOptions,
  ) {
    super();
  }

  /** Subscribes to the topics that have handlers. Does not wait for the broker. */
  listen(callback: (fault?: unknown) => void): void {
    const topics = [...this.messageHandlers.keys()] as TopicName[];
    const { group, batchMax, gatherMs, unhurried, logger = silentLogger } = this.options;
    const started = async (): Promise<void> => {
      if (topics.length === 0)
        throw new TransportMisconfiguredError(`Consumer group ${group} has no handler`);
      await this.transport.subscribe({
        group,
        topics,
        ...(batchMax === undefined ? {} : { batchMax }),
        ...(gatherMs === undefined ? {} : { gatherMs }),
        ...(unhurried === undefined ? {} : { unhurried }),
        onBatch: (batch) => this.handle(batch),
      });
      logger.info({ group, topics }, 'subscribed');
    };
    started().then(() => callback(), callback);
  }

  /** Closes the transport. */
  close(): Promise<void> {
    return this.transport.close();
  }

  /** There are no events of the server itself to listen to. */
  override on(): void {
    return undefined;
  }

  override unwrap<T>(): T {
    return this.transport as T;
  }

  private async handle(batch: EventBatch): Promise<void> {
    const handler = this.getHandlerByPattern(batch.topic);
    if (!handler) throw new TransportMisconfiguredError(`No handler for ${batch.topic}`);
    try {
      await settled(handler, batch);
    } catch (fault) {
      throw isHidden(fault) ? new EventHandlerFaultHiddenError(batch.topic) : fault;
    }
  }
}

async function settled(handler: MessageHandler, batch: EventBatch): Promise<void> {
  const result: unknown = await handler(batch);
  if (isObservable(result)) await lastValueFrom(result, { defaultValue: undefined });
}

function isHidden(fault: unknown): boolean {
  return !(fault instanceof Error) && (fault as { status?: unknown } | null)?.status === 'error';
}
