// Numbers as people type them, in the viewer's way: 1,000 or 1.000 or 1 000, and 12.50 or 12,50. Nothing is guessed.

const MONEY = "An amount in US dollars, like 12.50.";
const WHOLE = "A whole number, like 1000.";
const CENTS = 9; // digits of money behind its point

/** [a whole number, null], or [null, what is wrong]. */
export function whole(text) {
  const digits = ungrouped(spaced(text));
  return digits && digits.length <= 15 ? [Number(digits), null] : [null, WHOLE];
}

/** [US dollars as text, which is exact, null], or [null, what is wrong]: also where it could be two amounts. */
export function amount(text, locale) {
  const typed = spaced(text);
  const marks = typed.match(/[.,]/g) ?? [];
  const at = Math.max(typed.lastIndexOf("."), typed.lastIndexOf(","));
  if (!marks.length || (marks.length > 1 && new Set(marks).size === 1)) return exact(typed, "");
  const [before, after] = [typed.slice(0, at), typed.slice(at + 1)];
  const groups = marks.length === 1 && /^[1-9]\d{0,2}$/.test(before) && /^\d{3}$/.test(after);
  if (groups && typed[at] === grouping(locale)) return exact(before + after, "");
  if (groups) return [null, `This could be ${before}${after} or ${before}.${after}. Write ${before}${after}, or ${unmistakable(`${before}.${after}`)}.`];
  return /^\d+$/.test(after) && !before.includes(typed[at]) ? exact(before, after) : [null, MONEY];
}

/** An amount that nobody takes for thousands: 1.125 becomes 1.1250, and 1.000 becomes 1.00. */
export const unmistakable = (text) => {
  if (!/^[1-9]\d{0,2}\.\d{3}$/.test(text)) return text;
  return text.endsWith("0") ? text.slice(0, -1) : `${text}0`;
};

/** With one kind of space between digits: what people group by is many. */
const spaced = (text) => text.trim().replace(/[\s_'’]/g, " ");

function exact(before, after) {
  const digits = ungrouped(before);
  if (!digits || digits.length > 7 || after.length > CENTS) return [null, MONEY];
  return [after ? `${digits}.${after}` : digits, null];
}

/** The digits of a number that is written in groups, all by the same mark, or of one that is not; else null. */
function ungrouped(text) {
  if (/^\d+$/.test(text)) return text;
  return /^\d{1,3}([ .,])(?:\d{2,3}\1)*\d{3}$/.test(text) ? text.replace(/\D/g, "") : null;
}

const grouping = (locale) => new Intl.NumberFormat(locale).formatToParts(1234567).find(({ type }) => type === "group")?.value;
