// A hook for actions on a key: the open dialog, its request, and the notification after it.

import { html, useState, confirm, toast } from "../../ui/index.js";
import { KeyDetails } from "./details.js";
import { Issued, Rotation, TopUp } from "./dialogs.js";
import { KeyForm } from "./form.js";

/** Return [start(what, key), dialogs]: `what` is "new", "show", "edit", "rotate", "topup" or "revoke"; `changed()` is called after each change. */
export function useKeyActions(api, changed) {
  const [action, setAction] = useState(null); // { what, key, issued }
  const close = () => setAction(null);
  const path = (key, rest = "") => `admin/keys/${encodeURIComponent(key.id)}${rest}`;
  const finish = (text) => {
    close();
    toast(text, "good");
    changed();
  };
  const applyChange = async (request, text) => {
    const updated = await request.catch((error) => {
      if ([404, 409].includes(error.status)) changed(); // another admin has changed the key
      throw error;
    });
    if (updated.state !== "revoked") return finish(text);
    close();
    toast(`${updated.name} has been revoked meanwhile. Changes do not reactivate it.`, "bad");
    return changed();
  };
  const showIssued = (issued) => {
    setAction({ what: "issued", key: null, issued });
    changed();
  };
  const revoke = async (key) => {
    close();
    const confirmed = await confirm({
      title: `Revoke ${key.name}?`, action: "Revoke", danger: true,
      text: "Requests with this key will fail within five seconds. This cannot be undone.",
    });
    if (!confirmed) return;
    await api.delete(path(key)).then(() => finish(`${key.name} revoked`), (error) => {
      toast(`Could not revoke: ${error.message}`, "bad");
      changed();
    });
  };
  const start = (what, key = null) => (what === "revoke" ? revoke(key) : setAction({ what, key }));
  const { what, key } = action ?? {};
  const dialog = {
    new: () => html`<${KeyForm} api=${api} virtualKey=${null} onClose=${close} onSend=${async (body) => showIssued(await api.post("admin/keys", body))} />`,
    show: () => html`<${KeyDetails} virtualKey=${key} onClose=${close} onDo=${(next) => start(next, key)} />`,
    edit: () => html`<${KeyForm} api=${api} virtualKey=${key} onClose=${close}
      onSend=${(body) => applyChange(api.patch(path(key), body), `${key.name} saved`)} />`,
    rotate: () => html`<${Rotation} virtualKey=${key} onClose=${close}
      onSend=${async (body) => showIssued(await api.post(path(key, "/rotate"), body))} />`,
    topup: () => html`<${TopUp} virtualKey=${key} onClose=${close}
      onSend=${(body) => applyChange(api.post(path(key, "/credits"), body), `Credits added to ${key.name}`)} />`,
    issued: () => html`<${Issued} issued=${action.issued} base=${api.base} onClose=${close} />`,
  }[what];
  return [start, dialog ? dialog() : null];
}
