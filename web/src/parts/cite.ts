// A citation comes as its Chinese and English parts, joined by semicolons; a reader gets those of their language.
import { type Language } from "../i18n";

export function cite(citation: string, language: Language): string {
  const parts = citation.split(/;\s*/).filter(Boolean);
  const mine = parts.filter((part) => /[\u4e00-\u9fff]/.test(part) === (language === "zh"));
  return (mine.length ? mine : parts).join(language === "zh" ? "；" : "; ");
}
