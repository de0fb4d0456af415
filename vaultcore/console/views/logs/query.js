// Validates the log's query parameters in the address.

import { PERIODS } from "./period.js";

const MAX_LENGTHS = { search: 128, model: 256, key: 128, path: 128, provider: 64, owner: 128, id: 128 };
const STATUS = /^[1-5](\d\d|xx)$/;

/** Return the address's query without unknown or invalid parameters. */
export const validQuery = (query) =>
  Object.fromEntries(Object.entries(query).filter(([name, value]) => value && isValid(name, value, query)));

function isValid(name, value, query) {
  if (name === "status") return STATUS.test(value);
  if (name === "time") return PERIODS.some(([id]) => id === value);
  if (name === "from" || name === "to") return query.time === "between" && !Number.isNaN(Date.parse(value));
  return Object.hasOwn(MAX_LENGTHS, name) && value.length <= MAX_LENGTHS[name];
}
