// Attached images: read, scaled down to the size that models use, and converted to data URLs.

const MAX_SIDE = 1568; // pixels
const MAX_BYTES = 600_000; // larger files are compressed
const MAX_FILE_SIZE = 20_000_000; // bytes of a file
const KINDS = ["image/png", "image/jpeg", "image/webp", "image/gif"];

export const ACCEPTED = KINDS.join(",");

/** Return a file as a data URL. Raises Error with a message for the user. */
export async function readPicture(file) {
  if (!KINDS.includes(file.type)) throw new Error(`${file.name || "This file"} is not a PNG, JPEG, WebP or GIF image.`);
  if (file.size > MAX_FILE_SIZE) throw new Error(`${file.name || "This image"} is too large. The maximum is ${MAX_FILE_SIZE / 1e6} MB.`);
  const bitmap = await createImageBitmap(file).catch(() => {
    throw new Error(`${file.name || "This image"} cannot be read.`);
  });
  try {
    const scale = Math.min(1, MAX_SIDE / Math.max(bitmap.width, bitmap.height));
    if (scale === 1 && file.size <= MAX_BYTES) return await toDataUrl(file);
    const canvas = document.createElement("canvas");
    Object.assign(canvas, { width: Math.max(1, Math.round(bitmap.width * scale)), height: Math.max(1, Math.round(bitmap.height * scale)) });
    const context = canvas.getContext("2d");
    context.fillStyle = "#fff"; // JPEG has no transparency
    context.fillRect(0, 0, canvas.width, canvas.height);
    context.drawImage(bitmap, 0, 0, canvas.width, canvas.height);
    return canvas.toDataURL("image/jpeg", 0.85);
  } finally {
    bitmap.close();
  }
}

const toDataUrl = (file) =>
  new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(reader.result);
    reader.onerror = () => reject(new Error("This image cannot be read."));
    reader.readAsDataURL(file);
  });

/** Return the files of a paste or a drop; none if it contains text, as when a text with images is copied. */
export const filesOf = (transfer) => (transfer?.types.includes("text/plain") ? [] : [...(transfer?.files ?? [])]);
