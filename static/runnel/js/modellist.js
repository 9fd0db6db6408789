// The list of models, read once for all who choose from it.

import { listModels } from "./api.js";

/** @type {Promise<import("./models.js").Catalog> | null} */
let reading = null;

/** Return what there is to choose from, asked for once; again after a failure. */
export function readModels() {
  reading ??= listModels().catch((error) => {
    reading = null;
    throw error;
  });
  return reading;
}
