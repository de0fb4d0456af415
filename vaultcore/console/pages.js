// The console's pages: title, roles with access, and the module.

const ALL_ROLES = [null, "key", "admin"];
const SIGNED_IN = ["key", "admin"];
const ADMIN = ["admin"];

/** name -> { title, roles, load }, in navigation order. */
export const PAGES = {
  overview: { title: "Overview", roles: ALL_ROLES, load: () => import("./views/overview.js") },
  models: { title: "Models", roles: SIGNED_IN, load: () => import("./views/models.js") },
  keys: { title: "API keys", roles: ADMIN, load: () => import("./views/keys.js") },
  playground: { title: "Playground", roles: SIGNED_IN, load: () => import("./views/playground.js") },
  chat: { title: "Chat", roles: SIGNED_IN, load: () => import("./views/chat.js") },
  logs: { title: "Logs", roles: ADMIN, load: () => import("./views/logs.js") },
  usage: { title: "Usage", roles: SIGNED_IN, load: () => import("./views/usage.js") },
  balance: { title: "Balance", roles: ADMIN, load: () => import("./views/balance.js") },
  routes: { title: "Routes", roles: ADMIN, load: () => import("./views/routes.js") },
  vault: { title: "Vault", roles: ALL_ROLES, load: () => import("./views/vault.js") },
  docs: { title: "Docs", roles: ALL_ROLES, load: () => import("./views/docs.js") },
  "sign-in": { title: "Sign in", roles: ALL_ROLES, load: () => import("./views/sign-in.js"), unlisted: true },
};

/** Return the navigation entries of a role as [name, title]. Without a session it lists every page. */
export const menuPages = (role) =>
  Object.entries(PAGES)
    .filter(([, page]) => !page.unlisted && (role === null || page.roles.includes(role)))
    .map(([name, page]) => [name, page.title]);
