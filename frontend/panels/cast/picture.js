// @ts-check
/** Pictures made ready to be a portrait. */

const LARGEST_PX = 1024;

/**
 * The picture as a PNG of at most 1024 by 1024 pixels. Throws an `Error` for what is no picture.
 * @param {Blob} file
 * @returns {Promise<Blob>}
 */
export async function asPortrait(file) {
  const bitmap = await createImageBitmap(file).catch(() => {
    throw new Error("This browser cannot read the file as a picture.");
  });
  const scale = Math.min(1, LARGEST_PX / Math.max(bitmap.width, bitmap.height));
  if (file.type === "image/png" && scale === 1) return file;
  const canvas = document.createElement("canvas");
  canvas.width = Math.max(1, Math.round(bitmap.width * scale));
  canvas.height = Math.max(1, Math.round(bitmap.height * scale));
  canvas.getContext("2d")?.drawImage(bitmap, 0, 0, canvas.width, canvas.height);
  bitmap.close();
  const png = await new Promise((resolve) => canvas.toBlob(resolve, "image/png"));
  if (png === null) throw new Error("The picture could not be made a PNG.");
  return png;
}
