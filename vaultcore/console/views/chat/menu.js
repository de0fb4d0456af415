// A button with a popup menu: arrow keys move the focus, Escape and outside clicks close it.

import { html, IconButton, useLayoutEffect, useRef, useState } from "../../ui/index.js";

/** Menu: label (of the button), items ([{ text, onClick, danger }]), disabled. */
export function Menu({ label, items, disabled = false }) {
  const [open, setOpen] = useState(false);
  const button = useRef(null);
  const close = () => {
    button.current.querySelector("button").focus({ preventScroll: true });
    setOpen(false);
  };
  return html`
    <span class="menu" ref=${button}>
      <${IconButton} label=${label} icon="more" disabled=${disabled} aria-haspopup="menu" aria-expanded=${open ? "true" : "false"} onClick=${() => setOpen(!open)} />
      ${open && html`<${Items} label=${label} items=${items} button=${button} onClose=${close} onDismiss=${() => setOpen(false)} />`}
    </span>`;
}

function Items({ label, items, button, onClose, onDismiss }) {
  const ref = useRef(null);
  useLayoutEffect(() => {
    const menu = ref.current;
    menu.showPopover?.(); // in the top layer, above scrolling containers
    const { top, bottom, right } = button.current.getBoundingClientRect();
    const { offsetWidth: wide, offsetHeight: high } = menu;
    const below = bottom + high < innerHeight ? bottom : Math.max(0, top - high);
    Object.assign(menu.style, { left: `${Math.max(8, Math.min(right, innerWidth - 8) - wide)}px`, top: `${below}px` });
    menu.querySelector("button").focus({ preventScroll: true });
    const handlePointer = (event) => !button.current.contains(event.target) && onDismiss();
    addEventListener("pointerdown", handlePointer);
    const handleScroll = (event) => event.target.contains(button.current) && onDismiss(); // ignore scrolling elsewhere, as by a growing answer
    addEventListener("scroll", handleScroll, true);
    return () => {
      removeEventListener("pointerdown", handlePointer);
      removeEventListener("scroll", handleScroll, true);
    };
  }, []);
  const handleKey = (event) => {
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
  const choose = (each) => () => {
    onClose();
    each.onClick();
  };
  return html`
    <div class="menu-items" ref=${ref} role="menu" aria-label=${label} popover="manual" onKeyDown=${handleKey}>
      ${items.map((each) => html`
        <button type="button" role="menuitem" tabindex="-1" key=${each.text} class=${each.danger ? "danger" : ""} onClick=${choose(each)}>${each.text}</button>`)}
    </div>`;
}
