// Downloads that need the key in a header: fetched, then saved as a file.

/** Download a path of the admin API under the name in its response, or `name`. Raises ApiError. */
export async function save(api, path, query, name) {
  const response = await api.raw("GET", path, { query });
  const filename = /filename="([^"]+)"/.exec(response.headers.get("content-disposition") ?? "");
  saveBlob(await response.blob(), filename?.[1] ?? name);
}

/** Save a Blob as a file. */
export function saveBlob(blob, name) {
  const url = URL.createObjectURL(blob);
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}
