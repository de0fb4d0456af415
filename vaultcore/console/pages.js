// The console's pages: who may see them, what they are called, where their code is.

const EVERYBODY = [null, "key", "admin"];
const SIGNED_IN = ["key", "admin"];
const ADMIN = ["admin"];

/** name -> { title, roles, load }. In the order of the navigation. */
export const PAGES = {
  overview: { title: "Overview", roles: EVERYBODY, load: () => import("./views/overview.js") },
  models: { title: "Models", roles: SIGNED_IN, load: () => import("./views/models.js") },
  keys: { title: "API keys", roles: ADMIN, load: () => import("./views/keys.js") },
  playground: { title: "Playground", roles: SIGNED_IN, load: () => import("./views/playground.js") },
  chat: { title: "Chat", roles: SIGNED_IN, load: () => import("./views/chat.js") },
  logs: { title: "Logs", roles: ADMIN, load: () => import("./views/logs.js") },
  usage: { title: "Usage", roles: SIGNED_IN, load: () => import("./views/usage.js") },
  balance: { title: "Balance", roles: ADMIN, load: () => import("./views/balance.js") },
  routes: { title: "Routes", roles: ADMIN, load: () => import("./views/routes.js") },
  vault: { title: "Vault", roles: EVERYBODY, load: () => import("./views/vault.js") },
  docs: { title: "Docs", roles: EVERYBODY, load: () => import("./views/docs.js") },
  "sign-in": { title: "Sign in", roles: EVERYBODY, load: () => import("./views/sign-in.js"), unlisted: true },
};

/** The pages of the navigation for a role, as [name, title]. Nobody signed in sees all: it says what there is. */
export const listed = (role) =>
  Object.entries(PAGES)
    .filter(([, page]) => !page.unlisted && (role === null || page.roles.includes(role)))
    .map(([name, page]) => [name, page.title]);
