// Puts our words into the decision editor when it is built. The library has no dictionary of its own, so its labels are found where text
// is shown (children, title, placeholder and so on, in calls of React and of messages) and wrapped in `say`, which falls back to English.
// What the analyst wrote is never touched: only literals of the library are.
import type { Plugin } from "vite";

/** Properties whose literals people read. */
const SHOWN = new Set([
  "children", "title", "label", "placeholder", "okText", "cancelText", "confirmText", "description", "displayName", "shortDescription", "message", "left", "text", "lines",
  "detailsTitle", "noPreviewText", "tagline", "alt", "aria-label", "source", "name",
]);
/** `name` is a label of these only; elsewhere it is data, such as a new column's. */
const NAMES = new Set(["Graph", "Nodes"]);
const TOLD = new Set(["success", "error", "warning", "info"]);
/** The modules of the editor that show text, under node_modules. */
export const FILES = ["@gorules/jdm-editor/dist/index.js", "@reactflow/core/dist/esm/index.mjs", "@reactflow/controls/dist/esm/index.mjs", "@reactflow/minimap/dist/esm/index.mjs"];

// eslint-disable-next-line @typescript-eslint/no-explicit-any
type Node = any;

export interface Label {
  text: string;
  start: number;
  end: number;
  /** What stands in its place. */
  into: string;
}

/** The labels of a module, in its order. `ast` is the program that `code` parses to. */
export function labelsOf(code: string, ast: Node): Label[] {
  const found: Label[] = [];
  const constants = new Map<string, string>();
  visit(ast, []);
  visitConstants(ast, []);
  return found.sort((a, b) => a.start - b.start);

  function visit(node: Node, path: Node[]): void {
    if (!node || typeof node !== "object") return;
    if (Array.isArray(node)) return node.forEach((one) => visit(one, path));
    if (node.type === "Literal" && typeof node.value === "string" && /[A-Za-z]/.test(node.value)) literal(node, path);
    if (node.type === "TemplateLiteral" && node.expressions.length > 0) template(node, path);
    if (node.type === "TemplateLiteral" && node.expressions.length === 0) literal({ ...node, value: node.quasis[0].value.cooked }, path, node);
    for (const [key, value] of Object.entries(node)) if (key !== "type" && value && typeof value === "object") visit(value, [...path, node]);
  }

  function literal(node: Node, path: Node[], itself: Node = node): void {
    const place = placed(itself, path);
    if (!place) return;
    if (place === "constant") return void constants.set(path.at(-1).id.name, node.value);
    if (place.type === "Property" && keyOf(place) === "name" && !NAMES.has(node.value)) return;
    const call = `say(${JSON.stringify(node.value)})`;
    const early = place.type === "Property" && place.value === itself && !place.computed && !path.some((one) => /Function/.test(one.type));
    if (early) found.push({ text: node.value, start: place.start, end: place.end, into: `get ${code.slice(place.key.start, place.key.end)}() { return ${call}; }` }); // read when shown
    else found.push({ text: node.value, start: node.start, end: node.end, into: call });
  }

  function template(node: Node, path: Node[]): void {
    const place = placed(node, path);
    if (!place || place === "constant" || (place.type === "Property" && ["name", "placeholder", "children"].includes(keyOf(place)))) return;
    const text = node.quasis.map((part: Node) => part.value.cooked).join("${}");
    if (!/[A-Za-z]{3}/.test(text.replaceAll("${}", "")) || text.includes("<")) return;
    const written = (one: Node) => code.slice(one.start, one.end);
    const chosen = (one: Node) => one.type === "ConditionalExpression" && [one.consequent, one.alternate].every((end: Node) => end.type === "Literal");
    const filled = node.expressions.map((one: Node) => (chosen(one) ? `say(${written(one)})` : written(one))).join(", ");
    found.push({ text, start: node.start, end: node.end, into: `say(${JSON.stringify(text)}, ${filled})` });
  }

  /** Constants of the module that are shown by their name, and lists whose keys are their labels. */
  function visitConstants(node: Node, path: Node[]): void {
    if (!node || typeof node !== "object") return;
    if (Array.isArray(node)) return node.forEach((one) => visitConstants(one, path));
    const parent = path.at(-1);
    if (node.type === "Identifier" && parent?.type === "Property" && parent.value === node && SHOWN.has(keyOf(parent))) {
      const itself = path.at(-2)?.properties?.some((one: Node) => keyOf(one) === "key" && one.value?.name === node.name);
      if (constants.has(node.name) || (itself && keyOf(parent) === "label")) found.push({ text: constants.get(node.name) ?? "", start: node.start, end: node.end, into: `say(${node.name})` });
    }
    for (const [key, value] of Object.entries(node)) if (key !== "type" && value && typeof value === "object") visitConstants(value, [...path, node]);
  }
}

/** The property or call that shows this text; "constant" for a module's constant; undefined when it is no label. */
function placed(node: Node, path: Node[]): Node | "constant" | undefined {
  let child = node;
  for (let at = path.length - 1; at >= 0; at -= 1) {
    const parent = path[at];
    if (parent.type === "Property") return parent.value === child && SHOWN.has(keyOf(parent)) ? parent : undefined;
    if (parent.type === "AssignmentPattern") return parent.right === child && SHOWN.has(keyOf(path[at - 1] ?? {})) ? parent : undefined;
    if (parent.type === "VariableDeclarator" && child !== node) return /^[A-Z][A-Za-z]+ error$/.test(node.value ?? "") ? parent : undefined; // kinds of errors, shown beside them
    if (parent.type === "VariableDeclarator") return /[a-z] [a-z]/.test(node.value ?? "") && !path.some((one) => /Function/.test(one.type)) ? "constant" : undefined;
    if (parent.type === "CallExpression") {
      const callee = parent.callee;
      if (callee === child) { child = parent; continue; } // further along a chain
      const method = callee.type === "MemberExpression" ? callee.property.name : "";
      const owner = callee.type === "MemberExpression" ? callee.object.name : "";
      if (child === node || child.type !== "ArrowFunctionExpression") {
        if (TOLD.has(method) && owner && owner !== "console") return parent;
        if (method === "createElement" && parent.arguments.indexOf(child) >= 2) return parent;
        return undefined;
      }
      if (method !== "with" && method !== "otherwise") return undefined; // a choice of ts-pattern: its answer may be shown
    } else if (parent.type === "MemberExpression" && child === node) {
      return undefined;
    } else if (parent.type === "ConditionalExpression" ? parent.test === child : !["ArrayExpression", "LogicalExpression", "ArrowFunctionExpression", "MemberExpression"].includes(parent.type)) {
      return undefined;
    }
    child = parent;
  }
  return undefined;
}

function keyOf(property: Node): string {
  return String(property.key?.name ?? property.key?.value ?? "");
}

/** The build step. */
export function translateEditor(speak: string): Plugin {
  return {
    name: "editor-words",
    transform(code, id) {
      const path = id.split("?")[0]!.replaceAll("\\", "/");
      if (!FILES.some((file) => path.endsWith(`/node_modules/${file}`))) return undefined;
      let changed = code;
      for (const label of labelsOf(code, this.parse(code)).reverse()) changed = changed.slice(0, label.start) + label.into + changed.slice(label.end);
      return { code: `import { say } from ${JSON.stringify(speak)};\n${changed}`, map: null };
    },
  };
}
