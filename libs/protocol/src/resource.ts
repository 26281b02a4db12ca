import { z } from 'zod';

import { optionalTextField, urlField } from './field.js';
import { lengthMax } from './length.js';
import { withoutNulls } from './null-field.js';

const tagsMax = 64;

const tagsExpected = 'a list of strings, or leave it out';

/**
 * What is paid for (x402 v2 `ResourceInfo`). It is a description that settles nothing, so fields of later versions
 * pass: unknown ones are dropped.
 */
export const resourceInfoSchema = z
  .object(
    {
      url: urlField,
      description: optionalTextField,
      mimeType: optionalTextField,
      serviceName: optionalTextField,
      tags: z
        .array(z.string({ error: tagsExpected }), { error: tagsExpected })
        .check(lengthMax(tagsMax))
        .nullish(),
      iconUrl: optionalTextField,
    },
    { error: 'a resource object with a url, like {"url": "https://…"}' },
  )
  .transform(withoutNulls);

export type ResourceInfo = z.infer<typeof resourceInfoSchema>;
