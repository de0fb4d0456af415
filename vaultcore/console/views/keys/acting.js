// What is being done with a key, as a hook: which dialog is open, what it sends, and what is said after it.

import { html, useState, confirm, toast } from "../../ui/index.js";
import { KeyDetails } from "./details.js";
import { Issued, Rotation, TopUp } from "./dialogs.js";
import { KeyForm } from "./form.js";

/** [start(what, key), dialogs]: `what` is "new", "show", "edit", "rotate", "topup" or "revoke"; `changed()` after each change. */
export function useActing(api, changed) {
  const [act, become] = useState(null); // { what, key, issued }
  const close = () => become(null);
  const path = (key, rest = "") => `admin/keys/${encodeURIComponent(key.id)}${rest}`;
  const done = (text) => {
    close();
    toast(text, "good");
    changed();
  };
  const changing = async (sent, text) => {
    const answer = await sent.catch((error) => {
      if ([404, 409].includes(error.status)) changed(); // somebody else has done something with it
      throw error;
    });
    if (answer.state !== "revoked") return done(text);
    close();
    toast(`${answer.name} was revoked meanwhile. It stays refused, whatever is changed.`, "bad");
    return changed();
  };
  const issue = (issued) => {
    become({ what: "issued", key: null, issued });
    changed();
  };
  const revoke = async (key) => {
    close();
    const sure = await confirm({
      title: `Revoke ${key.name}?`, action: "Revoke", danger: true,
      text: "Whoever uses this key is refused from now on, everywhere within five seconds. This cannot be undone.",
    });
    if (!sure) return;
    await api.delete(path(key)).then(() => done(`${key.name} is revoked`), (error) => {
      toast(`Not revoked: ${error.message}`, "bad");
      changed();
    });
  };
  const start = (what, key = null) => (what === "revoke" ? revoke(key) : become({ what, key }));
  const { what, key } = act ?? {};
  const shown = {
    new: () => html`<${KeyForm} api=${api} held=${null} onClose=${close} onSend=${async (body) => issue(await api.post("admin/keys", body))} />`,
    show: () => html`<${KeyDetails} held=${key} onClose=${close} onDo=${(next) => start(next, key)} />`,
    edit: () => html`<${KeyForm} api=${api} held=${key} onClose=${close}
      onSend=${(body) => changing(api.patch(path(key), body), `${key.name} is changed`)} />`,
    rotate: () => html`<${Rotation} held=${key} onClose=${close}
      onSend=${async (body) => issue(await api.post(path(key, "/rotate"), body))} />`,
    topup: () => html`<${TopUp} held=${key} onClose=${close}
      onSend=${(body) => changing(api.post(path(key, "/credits"), body), `${key.name} has new credits`)} />`,
    issued: () => html`<${Issued} issued=${act.issued} base=${api.base} onClose=${close} />`,
  }[what];
  return [start, shown ? shown() : null];
}
