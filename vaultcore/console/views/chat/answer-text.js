// Renders an answer's Markdown in blocks, so that only the last block is rendered again while the answer grows.

import { html, Markdown } from "../../ui/index.js";

const MIN_LENGTH = 1_200; // characters of a block
const REFERENCE = /^ {0,3}\[[^\]\n]+\]:/m; // a link reference definition, which can be anywhere in the text
const FENCE = /^\s*(`{3,}|~{3,})/;
const CONTINUATION = /^(\s|[-*+]\s|\d+[.)]\s|>|\||$)/; // may continue the block before an empty line

/** Split a text where a new Markdown block certainly starts. The joined blocks are the text. */
export function splitBlocks(text) {
  if (text.length < 2 * MIN_LENGTH || REFERENCE.test(text)) return [text];
  const blocks = [];
  let [begin, at, fence, empty] = [0, 0, "", false];
  for (const line of text.split("\n")) {
    if (!fence && empty && at - begin >= MIN_LENGTH && !CONTINUATION.test(line)) {
      blocks.push(text.slice(begin, at));
      begin = at;
    }
    const mark = FENCE.exec(line)?.[1] ?? "";
    if (!fence) fence = mark;
    else if (mark.startsWith(fence) && line.trim() === mark) fence = "";
    empty = !line.trim();
    at += line.length + 1;
  }
  return [...blocks, text.slice(begin)];
}

/** AnswerText: text. */
export const AnswerText = ({ text }) => html`
  <div class="answer-text">${splitBlocks(text).map((each, index) => html`<${Markdown} key=${index} text=${each} />`)}</div>`;
