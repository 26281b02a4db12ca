import { createHash } from 'node:crypto';

/** What a test makes up of a text: of the same text always the same. */

export const digest = (text: string): string => createHash('sha256').update(text).digest('hex');

/** Up to 32 bytes. */
export const hexOf = (text: string, bytes: number): `0x${string}` => `0x${digest(text).slice(0, bytes * 2)}`;

export const addressOf = (text: string): `0x${string}` => hexOf(text, 20);

export const uuidOf = (text: string): string =>
  digest(text).replace(/^(.{8})(.{4}).(.{3}).(.{3})(.{12}).*$/, '$1-$2-8$3-8$4-$5');

/** A number from 0 up to, not including, `below`. */
export const drawn = (text: string, below: number): number =>
  Number.parseInt(digest(text).slice(0, 12), 16) % below;
