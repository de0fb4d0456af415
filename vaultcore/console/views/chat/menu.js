// A button that opens a menu: arrows move in it, Escape and the world outside close it. It lies over everything.

import { html, IconButton, useLayoutEffect, useRef, useState } from "../../ui/index.js";

/** Menu: label (of the button), items ([{ text, onClick, danger }]), disabled. */
export function Menu({ label, items, disabled = false }) {
  const [open, become] = useState(false);
  const button = useRef(null);
  const close = () => {
    button.current.querySelector("button").focus({ preventScroll: true });
    become(false);
  };
  return html`
    <span class="menu" ref=${button}>
      <${IconButton} label=${label} icon="more" disabled=${disabled} aria-haspopup="menu" aria-expanded=${open ? "true" : "false"} onClick=${() => become(!open)} />
      ${open && html`<${Items} label=${label} items=${items} by=${button} onClose=${close} onAway=${() => become(false)} />`}
    </span>`;
}

function Items({ label, items, by, onClose, onAway }) {
  const ref = useRef(null);
  useLayoutEffect(() => {
    const menu = ref.current;
    menu.showPopover?.(); // over what scrolls around the button
    const { top, bottom, right } = by.current.getBoundingClientRect();
    const { offsetWidth: wide, offsetHeight: high } = menu;
    const below = bottom + high < innerHeight ? bottom : Math.max(0, top - high);
    Object.assign(menu.style, { left: `${Math.max(8, Math.min(right, innerWidth - 8) - wide)}px`, top: `${below}px` });
    menu.querySelector("button").focus({ preventScroll: true });
    const pressed = (event) => !by.current.contains(event.target) && onAway();
    addEventListener("pointerdown", pressed);
    const scrolled = (event) => event.target.contains(by.current) && onAway(); // not where an answer grows beside it
    addEventListener("scroll", scrolled, true);
    return () => {
      removeEventListener("pointerdown", pressed);
      removeEventListener("scroll", scrolled, true);
    };
  }, []);
  const keys = (event) => {
    const all = [...ref.current.querySelectorAll("button")];
    const at = all.indexOf(document.activeElement);
    const next = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: all.length - 1 }[event.key];
    if (event.key === "Tab") onClose();
    if (event.key === "Escape") {
      event.stopPropagation();
      onClose();
    } else if (next !== undefined) {
      event.preventDefault();
      all[(next + all.length) % all.length].focus();
    }
  };
  const chosen = (each) => () => {
    onClose();
    each.onClick();
  };
  return html`
    <div class="menu-items" ref=${ref} role="menu" aria-label=${label} popover="manual" onKeyDown=${keys}>
      ${items.map((each) => html`
        <button type="button" role="menuitem" tabindex="-1" key=${each.text} class=${each.danger ? "danger" : ""} onClick=${chosen(each)}>${each.text}</button>`)}
    </div>`;
}
