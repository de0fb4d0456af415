// Parses numbers in local notation: 1,000 or 1.000 or 1 000, and 12.50 or 12,50. Ambiguous input is an error.

const MONEY = "Enter an amount in US dollars, like 12.50.";
const WHOLE = "Enter a whole number, like 1000.";
const MAX_DECIMALS = 9; // of an amount: nano-dollars

/** Return [number, null] or [null, error message]. */
export function parseWhole(text) {
  const digits = removeGroups(normalizeSpaces(text));
  return digits && digits.length <= 15 ? [Number(digits), null] : [null, WHOLE];
}

/** Return [US dollars as exact text, null] or [null, error message]. Input that could be two amounts is an error. */
export function parseAmount(text, locale) {
  const input = normalizeSpaces(text);
  const separators = input.match(/[.,]/g) ?? [];
  const at = Math.max(input.lastIndexOf("."), input.lastIndexOf(","));
  if (!separators.length || (separators.length > 1 && new Set(separators).size === 1)) return parseExact(input, "");
  const [before, after] = [input.slice(0, at), input.slice(at + 1)];
  const isGrouped = separators.length === 1 && /^[1-9]\d{0,2}$/.test(before) && /^\d{3}$/.test(after);
  if (isGrouped && input[at] === groupSeparator(locale)) return parseExact(before + after, "");
  if (isGrouped) return [null, `This is ambiguous: ${before}${after} or ${before}.${after}. Enter ${before}${after} or ${unambiguous(`${before}.${after}`)}.`];
  return /^\d+$/.test(after) && !before.includes(input[at]) ? parseExact(before, after) : [null, MONEY];
}

/** Rewrite an amount that could be read as thousands: 1.125 becomes 1.1250, and 1.000 becomes 1.00. */
export const unambiguous = (text) => {
  if (!/^[1-9]\d{0,2}\.\d{3}$/.test(text)) return text;
  return text.endsWith("0") ? text.slice(0, -1) : `${text}0`;
};

/** Replace every kind of group separator character by a space. */
const normalizeSpaces = (text) => text.trim().replace(/[\s_'’]/g, " ");

function parseExact(before, after) {
  const digits = removeGroups(before);
  if (!digits || digits.length > 7 || after.length > MAX_DECIMALS) return [null, MONEY];
  return [after ? `${digits}.${after}` : digits, null];
}

/** Return the digits of a number, with or without group separators, or null. All separators must be the same. */
function removeGroups(text) {
  if (/^\d+$/.test(text)) return text;
  return /^\d{1,3}([ .,])(?:\d{2,3}\1)*\d{3}$/.test(text) ? text.replace(/\D/g, "") : null;
}

const groupSeparator = (locale) => new Intl.NumberFormat(locale).formatToParts(1234567).find(({ type }) => type === "group")?.value;
