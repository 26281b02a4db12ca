import type { OutgoingRecord } from './event-log.js';

export type ChunkLimits = { readonly recordsMax: number; readonly bytesMax: number };

// Both logs take at most 1 MiB at once by default; a record alone may exceed the limit and then travels alone.
export const publishLimits: ChunkLimits = { recordsMax: 500, bytesMax: 512 * 1024 };

/** Cuts records into runs that respect the limits, in order. */
export function chunkRecords(records: readonly OutgoingRecord[], limits: ChunkLimits): OutgoingRecord[][] {
  const chunks: OutgoingRecord[][] = [];
  let chunk: OutgoingRecord[] = [];
  let bytes = 0;
  for (const record of records) {
    const size = Buffer.byteLength(record.value) + Buffer.byteLength(record.key);
    if (chunk.length > 0 && (chunk.length >= limits.recordsMax || bytes + size > limits.bytesMax)) {
      chunks.push(chunk);
      chunk = [];
      bytes = 0;
    }
    chunk.push(record);
    bytes += size;
  }
  if (chunk.length > 0) chunks.push(chunk);
  return chunks;
}
