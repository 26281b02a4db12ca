// A consumer that takes a batch and never finishes it, so that a test can kill it in the middle.
import { createTransport } from '@quittance/messaging';

const { transport, group, topics } = JSON.parse(process.argv[2]);
await createTransport(transport).subscribe({
  group,
  topics,
  batchMax: 5,
  onBatch: async (batch) => {
    process.send({ took: batch.events.map((event) => event.id) });
    await new Promise(() => undefined);
  },
});
process.once('disconnect', () => process.exit(0));
