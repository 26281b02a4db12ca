// A relay that publishes and never comes to marking, so that a test can kill it between the two.
import { createTransport, OutboxRelay } from '@quittance/messaging';

const { databaseUrl, schema } = JSON.parse(process.argv[2]);
const transport = createTransport({ kind: 'postgres', databaseUrl });
new OutboxRelay({
  databaseUrl,
  schema,
  transport: {
    publish: async (events) => {
      await transport.publish(events);
      process.send({ published: events.map((event) => event.id) });
      await new Promise(() => undefined);
    },
  },
}).start();
process.once('disconnect', () => process.exit(0));
