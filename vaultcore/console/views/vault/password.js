// Generates and rates vault passwords; like vaultcore/vault/password.py.

const MIN_LENGTH = 12;
const MIN_EFFECTIVE_LENGTH = 10; // characters after common words and sequences are discounted
const ALPHABET = "abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789"; // without characters that are easily confused
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

/** Entropy of a generated password: 24 of 56 characters, 139 bits. */
export const BITS = Math.floor(GROUPS * GROUP * Math.log2(ALPHABET.length));

/** Return a new password in four groups. */
export const generate = () => Array.from({ length: GROUPS }, () => Array.from({ length: GROUP }, randomCharacter).join("")).join("-");

function randomCharacter() {
  const most = 256 - (256 % ALPHABET.length); // larger bytes would favour the first characters
  for (;;) {
    const [byte] = crypto.getRandomValues(new Uint8Array(1));
    if (byte < most) return ALPHABET[byte % ALPHABET.length];
  }
}

/** Return why a password is too weak for a vault, or null. */
export function weakness(password) {
  const signs = [...password];
  if (signs.length < MIN_LENGTH) return `it has fewer than ${MIN_LENGTH} characters`;
  if (new Set(signs).size < 5) return "it repeats fewer than 5 different characters";
  if (effectiveLength(password) < MIN_EFFECTIVE_LENGTH) return "it consists of common words and sequences, which attackers try first";
  return null;
}

/** Return the strength from 0 to 1; 20 effective characters are 1. */
export const strength = (password) => (password ? Math.min(1, effectiveLength(password) / 20) : 0);

/** Return roughly how many characters must be guessed: a common word or a sequence counts 2, a repetition 0. */
function effectiveLength(password) {
  const folded = withoutRepeats([...password.toLowerCase()]);
  return Math.min(remainingLength(folded.join("")), remainingLength(folded.map((each) => PLAIN[each] ?? each).join("")));
}

function remainingLength(text) {
  const parts = text.split(WORD);
  return parts.reduce((sum, part) => sum + lengthWithoutSequences([...part]), 0) + 2 * (parts.length - 1);
}

/** Return the length, counting every sequence of four or more characters as 2. */
function lengthWithoutSequences(signs) {
  let [count, start] = [0, 0];
  while (start < signs.length) {
    const length = sequenceLength(signs.slice(start));
    count += length >= 4 ? 2 : 1;
    start += length >= 4 ? length : 1;
  }
  return count;
}

function sequenceLength(signs) {
  let longest = 1;
  while (longest < signs.length && BOTH_WAYS.some((row) => row.includes(signs.slice(0, longest + 1).join("")))) longest += 1;
  return longest;
}

/** Return the repeated unit once if the characters repeat it, otherwise all characters. */
function withoutRepeats(signs) {
  for (let size = 1; size <= signs.length / 2; size += 1) {
    if (signs.every((each, at) => each === signs[at % size])) return signs.slice(0, size);
  }
  return signs;
}
