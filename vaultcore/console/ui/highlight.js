// Code in colours: comments, strings, numbers and keywords as most languages have them. The text stays as it was.

const WORDS = `abstract and as assert async await begin bool boolean break byte case catch char class const continue def
  default defer del delete do double elif else end enum except export extends false False final finally float fn for
  from func function global go goto if impl implements import in inout instanceof int interface is lambda let long loop
  match mod module mut namespace new nil None nonlocal not null NULL number object of or override package pass private
  protected public raise return select self short static string struct super switch then this throw throws trait true
  True try type typeof undefined union unless until use using val var virtual void when where while with yield
  SELECT FROM WHERE INSERT INTO VALUES UPDATE SET DELETE CREATE TABLE JOIN LEFT ON GROUP ORDER BY LIMIT AND OR NOT AS`;
const KNOWN = new Set(WORDS.split(/\s+/));
const MOST = 20_000; // characters; more than that is shown plainly

// In this order: comments, strings, numbers, names. All are bounded: what never ends is looked for no further than that.
const PARTS = new RegExp(
  [
    String.raw`(?<note>\/\*[^]{0,1000}?\*\/|(?<![:\w\\])\/\/[^\n]*|(?<![\w$&{'"\\])#(?![{\w])[^\n]*|(?<=^|\s)--\s[^\n]*)`,
    String.raw`(?<text>"""[^]{0,1000}?"""|"(?:[^"\\\n]|\\.){0,300}"|'(?:[^'\\\n]|\\.){0,300}'|${"`"}(?:[^${"`"}\\]|\\[^]){0,300}${"`"})`,
    String.raw`(?<digits>\b\d[\w.]*)`,
    String.raw`(?<name>[\p{L}_$][\p{L}\p{N}_$]*)`,
  ].join("|"),
  "gmu",
);

/** Colour the text of an element that holds nothing but text. */
export function highlight(element) {
  const text = element.textContent;
  if (text.length > MOST) return;
  const made = document.createDocumentFragment();
  let at = 0;
  for (const { 0: part, index, groups } of text.matchAll(PARTS)) {
    const kind = groups.note ? "note" : groups.text ? "text" : groups.digits ? "digits" : KNOWN.has(part) ? "word" : null;
    if (!kind) continue;
    const span = Object.assign(document.createElement("span"), { className: `hl-${kind}`, textContent: part });
    made.append(text.slice(at, index), span);
    at = index + part.length;
  }
  made.append(text.slice(at));
  element.replaceChildren(made);
}
