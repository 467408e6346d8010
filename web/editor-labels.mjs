// Prints, as JSON, the labels of the decision editor that have no Chinese word: `node editor-labels.mjs`, in web/. A test reads it.
import { readFileSync } from "node:fs";
import { parseAst } from "vite";
import { EDITOR } from "./src/i18n/editor.ts";
import { FILES, labelsOf } from "./src/editor/translate.ts";

/** Names, units and languages that are the same in both. */
const SAME = new Set(["JS", "ms", "React Flow"]);

const without = FILES.flatMap((file) => {
  const code = readFileSync(`node_modules/${file}`, "utf8");
  return labelsOf(code, parseAst(code)).map((label) => label.text).filter((text) => text && !SAME.has(text) && !Object.hasOwn(EDITOR, text));
});
console.log(JSON.stringify(without));
