// The decision editor's words in the reader's language. The library knows English only: `translate.ts` wraps its labels in `say`.
import { EDITOR } from "../i18n/editor";
import type { Language } from "../i18n";

let language: Language = "en";

/** In which language the editor speaks from its next drawing on. */
export function speakIn(chosen: Language): void {
  language = chosen;
}

/** A label of the editor, with its places filled; English where there is no word, and anything that is no text as it is. */
export function say<Label>(label: Label, ...filled: unknown[]): Label | string {
  if (typeof label !== "string") return label;
  const said = language === "zh" && Object.hasOwn(EDITOR, label) ? EDITOR[label]! : label;
  let place = 0;
  return filled.length ? said.replaceAll("${}", () => String(filled[place++])) : said;
}
