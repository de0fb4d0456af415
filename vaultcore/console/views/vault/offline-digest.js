// The SHA-256 of the offline vault page (vault.html), written by `make docs` and checked by a test.

export const OFFLINE_PAGE_SHA256 = "5573494abc729f121dfb9397483f98de7cf6b27eddd961ec4d4a6fdc98efdb4a";
