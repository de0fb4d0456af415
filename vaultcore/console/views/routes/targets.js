// The models of a route, in an order that is changed by pointer (mouse or finger) or by the arrow keys.

import { html, Field, Icon, IconButton, format, useRef, useState } from "../../ui/index.js";
import { share } from "./card.js";

const moved = (list, from, to) => {
  const next = [...list];
  next.splice(to, 0, ...next.splice(from, 1));
  return next;
};

/** TargetList: targets ({ id, target, weight }), place(targets or function), known, strategy, wrong (text per target). */
export function TargetList({ targets, place, known, strategy, wrong }) {
  const list = useRef(null);
  const [said, say] = useState("");
  const [held, hold] = useState(null); // the id of what is being dragged
  const move = (from, to) => {
    if (to < 0 || to >= targets.length || to === from) return;
    place((now) => moved(now, from, to));
    say(`${targets[from].target || "The model"} is now ${to + 1} of ${targets.length}.`);
  };
  const write = (id, change) => place((now) => now.map((each) => (each.id === id ? { ...each, ...change } : each)));
  const drag = {
    begin: (id) => (event) => {
      event.currentTarget.setPointerCapture(event.pointerId);
      hold(id);
    },
    go: (event) => {
      if (held === null) return;
      const from = targets.findIndex((each) => each.id === held);
      const places = [...list.current.children].map((row) => row.getBoundingClientRect());
      const to = places.findIndex(({ top, bottom }, at) => (at < from ? event.clientY < (top + bottom) / 2 : at > from && event.clientY > (top + bottom) / 2 && (at === places.length - 1 || event.clientY < (places[at + 1].top + places[at + 1].bottom) / 2)));
      if (to >= 0) move(from, to);
    },
    end: () => hold(null),
  };
  return html`
    <div>
      <ol class="routes-targets" ref=${list} aria-label="Models in order">
        ${targets.map((each, at) => html`
          <${Target} key=${each.id} each=${each} at=${at} count=${targets.length} known=${known} error=${wrong?.[at]} held=${held === each.id} drag=${drag}
            share=${strategy === "weighted" ? share(targets, at) : null} move=${move} write=${write}
            remove=${() => place((now) => now.filter((other) => other.id !== each.id))} />`)}
      </ol>
      <p class="hidden" role="status">${said}</p>
    </div>`;
}

function Target({ each, at, count, known, error, held, drag, share: part, move, write, remove }) {
  const number = at + 1;
  const pressed = (event) => {
    const step = { ArrowUp: -1, ArrowDown: 1 }[event.key];
    if (!step) return;
    event.preventDefault();
    const handle = event.currentTarget;
    move(at, at + step);
    requestAnimationFrame(() => handle.focus()); // a row that moves in the page loses it
  };
  return html`
    <li class=${held ? "held" : ""}>
      <button type="button" class="icon-button routes-handle" aria-label=${`Move model ${number} of ${count}: drag, or arrow keys`} title="Drag, or arrow keys"
        onKeyDown=${pressed} onPointerDown=${drag.begin(each.id)} onPointerMove=${drag.go} onPointerUp=${drag.end} onPointerCancel=${drag.end}>
        <${Icon} name="drag" /></button>
      <${Field} label=${`Model ${number}`} hideLabel value=${each.target} list=${known} error=${error} placeholder="provider/model"
        onInput=${(target) => write(each.id, { target })} autocomplete="off" spellcheck="false" />
      <div class=${part === null ? "routes-weight unseen" : "routes-weight"}>
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
