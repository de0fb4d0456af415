// The models of a route, ordered by pointer (mouse or touch) or by the arrow keys.

import { html, Field, Icon, IconButton, format, useRef, useState } from "../../ui/index.js";
import { share } from "./card.js";

const moveItem = (list, from, to) => {
  const next = [...list];
  next.splice(to, 0, ...next.splice(from, 1));
  return next;
};

/** TargetList: targets ({ id, target, weight }), onChange(targets or function), suggestions, strategy, errors (text per target). */
export function TargetList({ targets, onChange, suggestions, strategy, errors }) {
  const list = useRef(null);
  const [announcement, setAnnouncement] = useState("");
  const [dragged, setDragged] = useState(null); // the id of the dragged target
  const move = (from, to) => {
    if (to < 0 || to >= targets.length || to === from) return;
    onChange((now) => moveItem(now, from, to));
    setAnnouncement(`${targets[from].target || "Model"} moved to position ${to + 1} of ${targets.length}.`);
  };
  const write = (id, change) => onChange((now) => now.map((each) => (each.id === id ? { ...each, ...change } : each)));
  const drag = {
    begin: (id) => (event) => {
      event.currentTarget.setPointerCapture(event.pointerId);
      setDragged(id);
    },
    go: (event) => {
      if (dragged === null) return;
      const from = targets.findIndex((each) => each.id === dragged);
      const places = [...list.current.children].map((row) => row.getBoundingClientRect());
      const to = places.findIndex(({ top, bottom }, at) => (at < from ? event.clientY < (top + bottom) / 2 : at > from && event.clientY > (top + bottom) / 2 && (at === places.length - 1 || event.clientY < (places[at + 1].top + places[at + 1].bottom) / 2)));
      if (to >= 0) move(from, to);
    },
    end: () => setDragged(null),
  };
  return html`
    <div>
      <ol class="routes-targets" ref=${list} aria-label="Models in order">
        ${targets.map((each, at) => html`
          <${Target} key=${each.id} each=${each} at=${at} count=${targets.length} suggestions=${suggestions} error=${errors?.[at]} dragged=${dragged === each.id} drag=${drag}
            share=${strategy === "weighted" ? share(targets, at) : null} move=${move} write=${write}
            remove=${() => onChange((now) => now.filter((other) => other.id !== each.id))} />`)}
      </ol>
      <p class="visually-hidden" role="status">${announcement}</p>
    </div>`;
}

function Target({ each, at, count, suggestions, error, dragged, drag, share: part, move, write, remove }) {
  const number = at + 1;
  const handleKey = (event) => {
    const step = { ArrowUp: -1, ArrowDown: 1 }[event.key];
    if (!step) return;
    event.preventDefault();
    const handle = event.currentTarget;
    move(at, at + step);
    requestAnimationFrame(() => handle.focus()); // a moved row loses the focus
  };
  return html`
    <li class=${dragged ? "dragged" : ""}>
      <button type="button" class="icon-button routes-handle" aria-label=${`Move model ${number} of ${count}: drag or use the arrow keys`} title="Drag or use the arrow keys"
        onKeyDown=${handleKey} onPointerDown=${drag.begin(each.id)} onPointerMove=${drag.go} onPointerUp=${drag.end} onPointerCancel=${drag.end}>
        <${Icon} name="drag" /></button>
      <${Field} label=${`Model ${number}`} hideLabel value=${each.target} list=${suggestions} error=${error} placeholder="provider/model"
        onInput=${(target) => write(each.id, { target })} autocomplete="off" spellcheck="false" />
      <div class=${part === null ? "routes-weight invisible" : "routes-weight"}>
        <${Field} label=${`Weight of model ${number}`} hideLabel type="number" min="0" max="1000000" step="1" value=${each.weight}
          onInput=${(weight) => write(each.id, { weight })} suffix=${html`<span class="routes-share small dim">${part === null ? "" : format.percent(part)}</span>`} />
      </div>
      <div class="routes-row-actions">
        <${IconButton} label=${`Move model ${number} up`} icon="up" disabled=${at === 0} onClick=${() => move(at, at - 1)} />
        <${IconButton} label=${`Move model ${number} down`} icon="down" disabled=${at === count - 1} onClick=${() => move(at, at + 1)} />
        <${IconButton} label=${`Remove model ${number}`} icon="trash" kind="danger" onClick=${remove} />
      </div>
    </li>`;
}
