// A text in Markdown, long ones in pieces: while an answer grows, only its last piece is made anew.

import { html, Markdown } from "../../ui/index.js";

const LEAST = 1_200; // characters of a piece
const DEFINED = /^ {0,3}\[[^\]\n]+\]:/m; // what links by name refer to, which may stand anywhere
const FENCE = /^\s*(`{3,}|~{3,})/;
const GOES_ON = /^(\s|[-*+]\s|\d+[.)]\s|>|\||$)/; // belongs to what was before an empty line, or may do

/** A text cut where a new block surely begins; the pieces together are the text. */
export function pieces(text) {
  if (text.length < 2 * LEAST || DEFINED.test(text)) return [text];
  const found = [];
  let [begin, at, fence, empty] = [0, 0, "", false];
  for (const line of text.split("\n")) {
    if (!fence && empty && at - begin >= LEAST && !GOES_ON.test(line)) {
      found.push(text.slice(begin, at));
      begin = at;
    }
    const mark = FENCE.exec(line)?.[1] ?? "";
    if (!fence) fence = mark;
    else if (mark.startsWith(fence) && line.trim() === mark) fence = "";
    empty = !line.trim();
    at += line.length + 1;
  }
  return [...found, text.slice(begin)];
}

/** Written: text. */
export const Written = ({ text }) => html`
  <div class="written">${pieces(text).map((each, index) => html`<${Markdown} key=${index} text=${each} />`)}</div>`;
