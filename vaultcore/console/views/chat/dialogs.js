// Dialogs to edit a conversation, and to rename or delete a folder.

import { html, Button, Dialog, Field, useState } from "../../ui/index.js";
import { validTemperature } from "./transfer.js";

const parseNumber = (text) => (text.trim() === "" ? undefined : Number(text.replace(",", ".")));

/** ConversationDialog: chat, folders (names), onClose, onChange(more). */
export function ConversationDialog({ chat, folders, onClose, onChange }) {
  const [fields, setFields] = useState({ title: chat.title, folder: chat.folder, system: chat.system, temperature: String(chat.temperature ?? "") });
  const set = (name) => (value) => setFields({ ...fields, [name]: value });
  const temperature = parseNumber(fields.temperature);
  const invalid = temperature !== undefined && validTemperature(temperature) === null;
  const save = (event) => {
    event?.preventDefault();
    if (invalid) return;
    onChange({
      title: fields.title.trim().slice(0, 200) || chat.title, folder: fields.folder.trim().slice(0, 80), system: fields.system.trim(), temperature,
    });
    onClose();
  };
  const actions = html`<${Button} onClick=${onClose}>Cancel<//><${Button} kind="main" disabled=${invalid} onClick=${save}>Save<//>`;
  return html`
    <${Dialog} open title="Conversation" onClose=${onClose} actions=${actions}>
      <form class="form" onSubmit=${save}>
        <${Field} label="Name" value=${fields.title} onInput=${set("title")} maxlength="200" />
        <${Field} label="Folder" value=${fields.folder} onInput=${set("folder")} list=${folders} maxlength="80" hint="Leave empty for no folder. A new name creates a folder." />
        <${Field} label="Instructions" area=${5} value=${fields.system} onInput=${set("system")}
          hint="Sent to the model as the system prompt." />
        <${Field} label="Temperature" value=${fields.temperature} onInput=${set("temperature")} inputmode="decimal"
          hint="0 to 2. Leave empty for the model's default." error=${invalid ? "Enter a number from 0 to 2." : ""} />
        <button type="submit" class="visually-hidden" tabindex="-1" aria-hidden="true">Save</button>
      </form>
    <//>`;
}

/** RenameFolderDialog: folder, takenNames (of other folders), onClose, onRename(name). */
export function RenameFolderDialog({ folder, takenNames, onClose, onRename }) {
  const [name, setName] = useState(folder);
  const newName = name.trim();
  const save = (event) => {
    event?.preventDefault();
    if (!newName) return;
    if (newName !== folder) onRename(newName);
    onClose();
  };
  const actions = html`<${Button} onClick=${onClose}>Cancel<//><${Button} kind="main" disabled=${!newName} onClick=${save}>Rename<//>`;
  return html`
    <${Dialog} open title="Rename folder" onClose=${onClose} actions=${actions}>
      <form class="form" onSubmit=${save}>
        <${Field} label="Folder name" value=${name} onInput=${setName} maxlength="80"
          hint=${takenNames.includes(newName) ? `A folder “${newName}” already exists. The folders will be merged.` : ""} />
      </form>
    <//>`;
}

const countText = (count) => (count === 1 ? "1 conversation" : `${count} conversations`);

/** DeleteFolderDialog: folder, count (of its conversations), onClose, onMoveOut, onDelete. */
export function DeleteFolderDialog({ folder, count, onClose, onMoveOut, onDelete }) {
  const runAndClose = (action) => () => {
    action();
    onClose();
  };
  const actions = html`
    <${Button} onClick=${onClose}>Cancel<//>
    <${Button} kind="danger" onClick=${runAndClose(onDelete)}>Delete folder and ${countText(count)}<//>
    <${Button} kind="main" onClick=${runAndClose(onMoveOut)}>Delete folder only<//>`;
  return html`
    <${Dialog} open title="Delete this folder?" onClose=${onClose} actions=${actions}>
      <p>“${folder}” contains ${countText(count)}. You can keep them without a folder, or permanently delete them from this browser.</p>
    <//>`;
}
