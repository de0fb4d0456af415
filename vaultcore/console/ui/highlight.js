// Syntax highlighting of comments, strings, numbers and keywords common to most languages. The text is unchanged.

const WORDS = `abstract and as assert async await begin bool boolean break byte case catch char class const continue def
  default defer del delete do double elif else end enum except export extends false False final finally float fn for
  from func function global go goto if impl implements import in inout instanceof int interface is lambda let long loop
  match mod module mut namespace new nil None nonlocal not null NULL number object of or override package pass private
  protected public raise return select self short static string struct super switch then this throw throws trait true
  True try type typeof undefined union unless until use using val var virtual void when where while with yield
  SELECT FROM WHERE INSERT INTO VALUES UPDATE SET DELETE CREATE TABLE JOIN LEFT ON GROUP ORDER BY LIMIT AND OR NOT AS`;
const KEYWORDS = new Set(WORDS.split(/\s+/));
const MAX_LENGTH = 20_000; // characters; longer code is not highlighted

// In this order: comments, strings, numbers, names. Every pattern is bounded, so an unterminated one stays cheap.
const PARTS = new RegExp(
  [
    String.raw`(?<note>\/\*[^]{0,1000}?\*\/|(?<![:\w\\])\/\/[^\n]*|(?<![\w$&{'"\\])#(?![{\w])[^\n]*|(?<=^|\s)--\s[^\n]*)`,
    String.raw`(?<text>"""[^]{0,1000}?"""|"(?:[^"\\\n]|\\.){0,300}"|'(?:[^'\\\n]|\\.){0,300}'|${"`"}(?:[^${"`"}\\]|\\[^]){0,300}${"`"})`,
    String.raw`(?<digits>\b\d[\w.]*)`,
    String.raw`(?<name>[\p{L}_$][\p{L}\p{N}_$]*)`,
  ].join("|"),
  "gmu",
);

/** Highlight the text of an element that contains only text. */
export function highlight(element) {
  const text = element.textContent;
  if (text.length > MAX_LENGTH) return;
  const fragment = document.createDocumentFragment();
  let at = 0;
  for (const { 0: part, index, groups } of text.matchAll(PARTS)) {
    const kind = groups.note ? "note" : groups.text ? "text" : groups.digits ? "digits" : KEYWORDS.has(part) ? "word" : null;
    if (!kind) continue;
    const span = Object.assign(document.createElement("span"), { className: `hl-${kind}`, textContent: part });
    fragment.append(text.slice(at, index), span);
    at = index + part.length;
  }
  fragment.append(text.slice(at));
  element.replaceChildren(fragment);
}
