// A download that needs the key in a header: fetched, then handed to the browser as a file.

/** Save what a path of the admin API answers, under the name that it gives or `name`. Raises ApiError. */
export async function save(api, path, query, name) {
  const response = await api.raw("GET", path, { query });
  const told = /filename="([^"]+)"/.exec(response.headers.get("content-disposition") ?? "");
  give(await response.blob(), told?.[1] ?? name);
}

/** Give a Blob to the viewer as a file. */
export function give(blob, name) {
  const url = URL.createObjectURL(blob);
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}
