// Routes: edits model aliases with ordered or weighted targets; dry run; version history.

import { html, Button, confirm, Empty, Icon, Loaded, Page, toast, useFetch, useState } from "../ui/index.js";
import { DryRun } from "./routes/dry-run.js";
import { Editor } from "./routes/editor.js";
import { RouteCard } from "./routes/card.js";
import { toApiRoute, toRows, isSame } from "./routes/route.js";
import { Versions } from "./routes/versions.js";

export default function Routes({ api, query }) {
  const result = useFetch((signal) => api.get("admin/routes", { signal }), []);
  const targets = useFetch((signal) => loadTargets(api, signal), []);
  const [draft, setDraft] = useState(null);
  const [dryRun, setDryRun] = useState({ model: query.model ?? "", turn: 0 });
  /** Replace all routes. Raises ApiError; after a conflict it reloads the current routes. */
  const put = async (models, message, reason = null) => {
    try {
      result.set(await api.put("admin/routes", { models, version: result.data.version, reason }));
      toast(message, "good");
    } catch (error) {
      if (error.status === 409) result.retry();
      throw error;
    }
  };
  const save = async (route, before) => {
    const { [before ?? route.name]: _, ...others } = result.data.models;
    await put({ ...others, [route.name]: toApiRoute(route) }, `Saved ${route.name}. Active everywhere within five seconds.`);
    setDraft(null);
  };
  const remove = async (row) => {
    const text = row.hides ? "The route from the providers file applies again." : `Requests for ${row.name} no longer use this route.`;
    if (!(await confirm({ title: `Delete the route ${row.name}?`, text: `${text} You can undo this under Versions.`, action: "Delete", danger: true }))) return;
    const { [row.name]: _, ...others } = result.data.models;
    await put(others, `Deleted ${row.name}.`).catch((error) => toast(error.message, "bad"));
  };
  const none = html`<${Empty} icon="routes" title="No routes yet">A route is your own model name for one or more models, with fallbacks.<//>`;
  return html`
    <${Page} title="Routes" intro="A route maps a model name of your choice to real models: in order, by weight, or cheapest first. If one fails, the gateway tries the next."
      actions=${html`<${Button} kind="main" icon="plus" disabled=${!result.data} onClick=${() => setDraft({ name: "", strategy: "priority", cache: "", targets: [], fresh: true })}>New route<//>`}>
      <${Loaded} result=${result} empty=${(data) => !toRows(data).length} none=${none}>
        ${(data) => html`<ul class="routes">${toRows(data).map((row) => html`
          <${RouteCard} key=${`${row.where} ${row.name}`} row=${row} onEdit=${() => setDraft({ ...row, fresh: false })} onRemove=${() => remove(row)}
            onTry=${() => { setDryRun((previous) => ({ model: row.name, turn: previous.turn + 1 })); }} />`)}</ul>`}<//>
      <p class="dim small"><${Icon} name="refresh" /> Routes saved here override routes in the providers file. Changes are active everywhere within five seconds.</p>
      <${DryRun} api=${api} trigger=${dryRun} names=${result.data ? toRows(result.data).map((row) => row.name) : []} />
      <${Versions} api=${api} current=${result.data} restore=${(models, reason) => put(models, "Routes restored.", reason)} />
      ${draft && html`<${Editor} draft=${draft} takenNames=${takenNames(result.data, draft)} targets=${targets.data ?? []} onSave=${save} onClose=${() => setDraft(null)}
        newer=${!draft.fresh && hasConflict(result.data, draft)} />`}
    <//>`;
}

const takenNames = (data, draft) => Object.keys(data?.models ?? {}).filter((name) => draft.fresh || name !== draft.name);

/** Return true if another admin has changed the route that is being edited. */
const hasConflict = (data, draft) => {
  const now = toRows(data).find((row) => row.name === draft.name);
  return !now || !isSame(now, draft);
};

async function loadTargets(api, signal) {
  const { data } = await api.get("admin/models", { signal });
  return data.flatMap((each) => each.providers.map((provider) => `${provider}/${each.id.replace(`${provider}/`, "")}`));
}
