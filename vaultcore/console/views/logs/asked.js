// What an address may ask of the log: what means nothing there is dropped.

import { PERIODS } from "./period.js";

const LONGEST = { search: 128, model: 256, key: 128, path: 128, provider: 64, owner: 128, id: 128 };
const STATUS = /^[1-5](\d\d|xx)$/;

/** The query of an address, without what the log does not know. */
export const meaningful = (query) =>
  Object.fromEntries(Object.entries(query).filter(([name, value]) => value && known(name, value, query)));

function known(name, value, query) {
  if (name === "status") return STATUS.test(value);
  if (name === "time") return PERIODS.some(([id]) => id === value);
  if (name === "from" || name === "to") return query.time === "between" && !Number.isNaN(Date.parse(value));
  return Object.hasOwn(LONGEST, name) && value.length <= LONGEST[name];
}
