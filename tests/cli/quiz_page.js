// Plays a quiz page without a browser: node quiz_page.js PAGE KEYS, where every letter of KEYS is a key that is pressed.
// Prints what the page says at the end and the tally that it saves.
"use strict";
const fs = require("node:fs");
const html = fs.readFileSync(process.argv[2], "utf8");
const data = html.match(/<script id="trials"[^>]*>([\s\S]*?)<\/script>/)[1];
const code = html.match(/<script>\n([\s\S]*?)<\/script>/)[1];
const elements = {}, pressed = {}, kept = {};
let saved = "";

function element(id) {
  return {
    id, hidden: false, children: [], textContent: id === "trials" ? data : "", on: {},
    replaceChildren(...children) { this.children = children; },
    append(...children) { this.children.push(...children); },
    addEventListener(kind, act) { this.on[kind] = act; },
    focus() {},
    click() {},
  };
}
globalThis.document = {
  getElementById: (id) => elements[id] ??= element(id),
  createElement: (kind) => element(kind),
  addEventListener: (kind, act) => { pressed[kind] = act; },
};
globalThis.Image = class {};
globalThis.localStorage = { getItem: (key) => kept[key] ?? null, setItem: (key, value) => { kept[key] = value; } };
globalThis.Blob = class { constructor(parts) { saved = parts.join(""); } };
URL.createObjectURL = () => "blob:page";
URL.revokeObjectURL = () => {};

(0, eval)(code);
for (const key of process.argv[3]) {
  pressed.keydown({ key: { l: "ArrowLeft", r: "ArrowRight" }[key] ?? key, preventDefault() {} });
}
elements.save.on.click();
const page = { ended: !elements.end.hidden, result: elements.result.textContent, tally: JSON.parse(saved), kept };
elements.again.on.click();
console.log(JSON.stringify({ ...page, begun_again: elements.end.hidden && elements.bar.value === 0 }));
