// Passwords for vault strings: made here, or judged when a vault is sealed; like vaultcore/vault/password.py.

const SHORTEST = 12;
const ENOUGH = 10; // characters that are left once what everybody tries first counts little
const ALPHABET = "abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789"; // without what is misread over a phone
const [GROUPS, GROUP] = [4, 6];
const WORDS = `
  abc123 access account admin administrator april august autumn baseball batman changeme computer december
  default dragon february flower football friday gateway hello hunter iloveyou january jesus july june killer
  lambda letmein login love march master michael monday monkey november october openai pass passphrase passwd
  password passwort princess qazwsx root saturday secret september shadow spring starwars summer sunday
  sunshine superman system test thursday trustno tuesday vault vaultedge wednesday welcome whatever winter zaq
`.trim().split(/\s+/).sort((a, b) => b.length - a.length);
const WORD = new RegExp(["(?:19|20)[0-9]{2}", ...WORDS].join("|"), "g");
const ROWS = ["0123456789", "abcdefghijklmnopqrstuvwxyz", "qwertyuiop", "qwertzuiop", "asdfghjkl", "zxcvbnm", "yxcvbnm"];
const BOTH_WAYS = [...ROWS, ...ROWS.map((row) => [...row].reverse().join(""))];
const PLAIN = { 0: "o", 1: "i", 3: "e", 4: "a", 5: "s", 7: "t", 8: "b", "@": "a", $: "s", "!": "i" };

/** How much chance there is in a password made here: 24 of 56 signs, 139 bits. */
export const BITS = Math.floor(GROUPS * GROUP * Math.log2(ALPHABET.length));

/** A fresh password, in four groups. */
export const generate = () => Array.from({ length: GROUPS }, () => Array.from({ length: GROUP }, sign).join("")).join("-");

function sign() {
  const most = 256 - (256 % ALPHABET.length); // bytes from there on would favour the first signs
  for (;;) {
    const [byte] = crypto.getRandomValues(new Uint8Array(1));
    if (byte < most) return ALPHABET[byte % ALPHABET.length];
  }
}

/** Why a vault should not be sealed with that password, or null. */
export function weakness(password) {
  const signs = [...password];
  if (signs.length < SHORTEST) return `it has fewer than ${SHORTEST} characters`;
  if (new Set(signs).size < 5) return "it repeats a few characters";
  if (worth(password) < ENOUGH) return "it is made of words and sequences that everybody tries first";
  return null;
}

/** How much of a bar a password fills, 0 to 1: what is left to guess of it, where 20 characters are plenty. */
export const strength = (password) => (password ? Math.min(1, worth(password) / 20) : 0);

/** How many characters there are to guess, roughly: a common word or a sequence counts 2, a repeat 0. */
function worth(password) {
  const folded = unrepeated([...password.toLowerCase()]);
  return Math.min(left(folded.join("")), left(folded.map((each) => PLAIN[each] ?? each).join("")));
}

function left(text) {
  const parts = text.split(WORD);
  return parts.reduce((sum, part) => sum + unsequenced([...part]), 0) + 2 * (parts.length - 1);
}

/** The length with every run of four or more along a row counted as 2. */
function unsequenced(signs) {
  let [count, start] = [0, 0];
  while (start < signs.length) {
    const length = run(signs.slice(start));
    count += length >= 4 ? 2 : 1;
    start += length >= 4 ? length : 1;
  }
  return count;
}

function run(signs) {
  let longest = 1;
  while (longest < signs.length && BOTH_WAYS.some((row) => row.includes(signs.slice(0, longest + 1).join("")))) longest += 1;
  return longest;
}

/** The signs with a unit that fills them, over and over, written once. */
function unrepeated(signs) {
  for (let size = 1; size <= signs.length / 2; size += 1) {
    if (signs.every((each, at) => each === signs[at % size])) return signs.slice(0, size);
  }
  return signs;
}
