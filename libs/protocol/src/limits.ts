/**
 * What one request may cost us before anything in it is believed. Every value is far above what the published
 * clients send: the largest real body seen, with bazaar schemas and a counterfactual wallet's signature, stays
 * below 300 values and 12 levels.
 */
export const bodyLimits = {
  depthMax: 32,
  valuesMax: 5_000,
  textLengthMax: 65_536,
  keyLengthMax: 256,
} as const;

/** The scheme's own data (`paymentPayload.payload`) is a signature and one authorization: small and flat. */
export const schemePayloadLimits = {
  depthMax: 8,
  valuesMax: 256,
  textLengthMax: 16_384,
  keyLengthMax: 64,
} as const;

/** Longest base64 header value that is decoded. Node refuses headers above 16 KiB by default; proxies may allow more. */
export const headerLengthMax = 65_536;

export const schemeLengthMax = 64;
export const accountLengthMax = 256;
export const urlLengthMax = 8_192;

/** How many mistakes one refusal names; a caller who fixes these gets the next ones. */
export const issuesNamedMax = 3;

/** How much of a caller's own text (a field name, a network) a message repeats. */
export const echoLengthMax = 64;

export type JsonLimits = {
  readonly depthMax: number;
  readonly valuesMax: number;
  readonly textLengthMax: number;
  readonly keyLengthMax: number;
};
