import { Controller, Inject, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { EventPattern, Payload } from '@nestjs/microservices';
import { afterEach, describe, expect, it } from '@jest/globals';
import { type TopicName, topics } from '@quittance/events';

import {
  type EventBatch,
  EventServer,
  type EventTransport,
  OnEventBatch,
  type SubscribeOptions,
} from '../src/index.js';
import { acceptedEvents } from './event-fixture.js';

class TemporaryFault extends Error {
  readonly retryable = true;
}

/** A transport that a test delivers through by hand. */
class HandTransport implements EventTransport {
  subscription: SubscribeOptions | undefined;
  closed = false;

  publish = async (): Promise<void> => undefined;
  ping = async (): Promise<void> => undefined;
  subscribe = async (options: SubscribeOptions): Promise<void> => void (this.subscription = options);
  close = async (): Promise<void> => void (this.closed = true);

  deliver(topic: TopicName): Promise<void> {
    const batch = { topic, partitions: [0], events: acceptedEvents(2) };
    return this.subscription?.onBatch(batch) ?? Promise.reject(new TypeError('not subscribed'));
  }
}

class Effects {
  readonly batches: EventBatch[] = [];
  fault: Error | undefined;
}

@Controller()
class PaymentConsumer {
  constructor(@Inject(Effects) private readonly effects: Effects) {}

  @OnEventBatch(topics.payments.name)
  async onPayments(@Payload() batch: EventBatch): Promise<void> {
    await new Promise((resolve) => setTimeout(resolve, 20));
    if (this.effects.fault) throw this.effects.fault;
    this.effects.batches.push(batch);
  }

  @EventPattern(topics.settlements.name)
  async onSettlements(@Payload() _batch: EventBatch): Promise<void> {
    throw new TemporaryFault('hidden by Nest');
  }
}

@Module({ controllers: [PaymentConsumer], providers: [Effects] })
class ConsumerModule {}

describe('the event server of Nest', () => {
  const transport = new HandTransport();
  const options = { group: 'ledger', batchMax: 50 };
  const start = async () => {
    const strategy = new EventServer(transport, options);
    const app = await NestFactory.createMicroservice(ConsumerModule, { strategy, logger: false });
    await app.listen();
    return { app, effects: app.get(Effects), close: () => app.close() };
  };
  let running: Awaited<ReturnType<typeof start>> | undefined;
  afterEach(() => running?.close());

  it('subscribes once to all topics that have handlers', async () => {
    running = await start();
    expect(transport.subscription).toMatchObject(options);
    expect([...(transport.subscription?.topics ?? [])].sort()).toEqual(
      [topics.payments.name, topics.settlements.name].sort(),
    );
  });

  it('hands one batch to the handler of its topic and waits for its promise', async () => {
    running = await start();
    await transport.deliver(topics.payments.name);
    expect(running.effects.batches).toEqual([
      { topic: topics.payments.name, partitions: [0], events: [expect.anything(), expect.anything()] },
    ]);
  });

  it("hands the handler's own error on to the transport", async () => {
    running = await start();
    running.effects.fault = new TemporaryFault('the database is away');
    await expect(transport.deliver(topics.payments.name)).rejects.toBe(running.effects.fault);
  });

  it('keeps the events of a handler whose error Nest hid, and says how to declare it', async () => {
    running = await start();
    await expect(transport.deliver(topics.settlements.name)).rejects.toMatchObject({
      code: 'event_handler_fault_hidden',
      retryable: true,
      message: expect.stringContaining('@OnEventBatch'),
    });
  });

  it('closes the transport with the app', async () => {
    transport.closed = false;
    running = await start();
    await running.close();
    running = undefined;
    expect(transport.closed).toBe(true);
  });

  it('refuses to listen when there is no handler', async () => {
    const fault = await new Promise((resolve) => new EventServer(transport, options).listen(resolve));
    expect(fault).toMatchObject({ code: 'transport_misconfigured' });
  });
});
