// Routes: which models a name leads to, in which order; with a dry run, and with the versions there have been.

import { html, Button, confirm, Empty, Icon, Loaded, Page, toast, useAsked, useState } from "../ui/index.js";
import { DryRun } from "./routes/dry-run.js";
import { Editor } from "./routes/editor.js";
import { RouteCard } from "./routes/card.js";
import { bare, rows, same } from "./routes/shape.js";
import { Versions } from "./routes/versions.js";

export default function Routes({ api, query }) {
  const asked = useAsked((signal) => api.get("admin/routes", { signal }), []);
  const known = useAsked((signal) => targets(api, signal), []);
  const [draft, edit] = useState(null);
  const [tried, attempt] = useState({ model: query.model ?? "", turn: 0 });
  /** Puts other models in place of those in force; raises ApiError, a conflict after asking for what is new. */
  const put = async (models, said, reason = null) => {
    try {
      asked.set(await api.put("admin/routes", { models, version: asked.data.version, reason }));
      toast(said, "good");
    } catch (error) {
      if (error.status === 409) asked.retry();
      throw error;
    }
  };
  const save = async (route, before) => {
    const { [before ?? route.name]: _, ...others } = asked.data.models;
    await put({ ...others, [route.name]: bare(route) }, `Saved ${route.name}. In force everywhere within five seconds.`);
    edit(null);
  };
  const remove = async (row) => {
    const text = row.hides ? "The route of the providers file is in force again." : `Requests for ${row.name} are no longer routed by it.`;
    if (!(await confirm({ title: `Delete the route ${row.name}?`, text: `${text} You can undo this below.`, action: "Delete", danger: true }))) return;
    const { [row.name]: _, ...others } = asked.data.models;
    await put(others, `Deleted ${row.name}.`).catch((error) => toast(error.message, "bad"));
  };
  const none = html`<${Empty} icon="routes" title="There are no routes yet">A route gives a name of yours to one or more models, with fallbacks.<//>`;
  return html`
    <${Page} title="Routes" intro="A route is a model name of your own that leads to real models: in order, by weight, or to the cheapest first. If one fails, the next is asked."
      actions=${html`<${Button} kind="main" icon="plus" disabled=${!asked.data} onClick=${() => edit({ name: "", strategy: "priority", targets: [], fresh: true })}>New route<//>`}>
      <${Loaded} asked=${asked} empty=${(data) => !rows(data).length} none=${none}>
        ${(data) => html`<ul class="routes">${rows(data).map((row) => html`
          <${RouteCard} key=${`${row.where} ${row.name}`} row=${row} onEdit=${() => edit({ ...row, fresh: false })} onRemove=${() => remove(row)}
            onTry=${() => { attempt((held) => ({ model: row.name, turn: held.turn + 1 })); }} />`)}</ul>`}<//>
      <p class="dim small"><${Icon} name="refresh" /> Routes that are set here go before those of the providers file. A change reaches every process within five seconds.</p>
      <${DryRun} api=${api} tried=${tried} names=${asked.data ? rows(asked.data).map((row) => row.name) : []} />
      <${Versions} api=${api} current=${asked.data} restore=${(models, reason) => put(models, "Restored.", reason)} />
      ${draft && html`<${Editor} draft=${draft} taken=${taken(asked.data, draft)} known=${known.data ?? []} onSave=${save} onClose=${() => edit(null)}
        newer=${!draft.fresh && changed(asked.data, draft)} />`}
    <//>`;
}

const taken = (data, draft) => Object.keys(data?.models ?? {}).filter((name) => draft.fresh || name !== draft.name);

/** Whether somebody else has set another route by the name that is being edited. */
const changed = (data, draft) => {
  const now = rows(data).find((row) => row.name === draft.name);
  return !now || !same(now, draft);
};

async function targets(api, signal) {
  const { data } = await api.get("admin/models", { signal });
  return data.flatMap((each) => each.providers.map((provider) => `${provider}/${each.id.replace(`${provider}/`, "")}`));
}
