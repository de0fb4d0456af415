// Pictures that people attach: read, made no larger than models look at, kept as data URLs.

const SIDE = 1568;
const BYTES = 600_000;
const MOST = 20_000_000; // bytes of a file that is opened at all
const KINDS = ["image/png", "image/jpeg", "image/webp", "image/gif"];

export const ACCEPTED = KINDS.join(",");

/** A file as a data URL. Raises Error with words for the person who chose it. */
export async function picture(file) {
  if (!KINDS.includes(file.type)) throw new Error(`${file.name || "This file"} is no PNG, JPEG, WebP or GIF picture.`);
  if (file.size > MOST) throw new Error(`${file.name || "This picture"} is too large: ${MOST / 1e6} MB are the most.`);
  const seen = await createImageBitmap(file).catch(() => {
    throw new Error(`${file.name || "This picture"} cannot be read.`);
  });
  try {
    const scale = Math.min(1, SIDE / Math.max(seen.width, seen.height));
    if (scale === 1 && file.size <= BYTES) return await whole(file);
    const canvas = document.createElement("canvas");
    Object.assign(canvas, { width: Math.max(1, Math.round(seen.width * scale)), height: Math.max(1, Math.round(seen.height * scale)) });
    const pen = canvas.getContext("2d");
    pen.fillStyle = "#fff"; // JPEG knows no transparency
    pen.fillRect(0, 0, canvas.width, canvas.height);
    pen.drawImage(seen, 0, 0, canvas.width, canvas.height);
    return canvas.toDataURL("image/jpeg", 0.85);
  } finally {
    seen.close();
  }
}

const whole = (file) =>
  new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(reader.result);
    reader.onerror = () => reject(new Error("This picture cannot be read."));
    reader.readAsDataURL(file);
  });

/** The files of a paste or a drop; what is copied from a text that shows pictures is its words. */
export const among = (transfer) => (transfer?.types.includes("text/plain") ? [] : [...(transfer?.files ?? [])]);
