// Two languages, one dictionary: a missing word is a type error. The choice is kept in the browser.
import { createContext, type ReactNode, useContext, useEffect, useMemo, useState } from "react";
import { type Key, words } from "./words";

export type Language = "zh" | "en";

export interface Speech {
  language: Language;
  setLanguage: (language: Language) => void;
  t: (key: Key, values?: Record<string, string | number>) => string;
  /** The text of a value that comes in both languages from the server. */
  pick: (both: { zh?: string | null; en?: string | null } | null | undefined) => string;
  /** The word for a code such as a status; one that has no word is told to the developer and shown without underscores. */
  code: (group: string, value: string | null | undefined) => string;
  /** The word for a value that may also be a name (a region, an actor's login, an imported product). */
  name: (group: string, value: string | null | undefined) => string;
}

const SpeechContext = createContext<Speech | null>(null);

function remembered(): Language {
  return localStorage.getItem("jiehuan.language") === "en" ? "en" : "zh";
}

export function SpeechProvider({ children }: { children: ReactNode }) {
  const [language, setLanguage] = useState<Language>(remembered);
  useEffect(() => {
    localStorage.setItem("jiehuan.language", language);
    document.documentElement.lang = language === "zh" ? "zh-CN" : "en";
    document.title = words["app.title"][language];
  }, [language]);
  const speech = useMemo<Speech>(() => {
    const t: Speech["t"] = (key, values) => {
      let text: string = words[key][language];
      for (const [name, value] of Object.entries(values ?? {})) text = text.replaceAll(`{${name}}`, String(value));
      return text;
    };
    const find = (group: string, value: string) => {
      const key = `${group}.${value}`;
      return key in words ? words[key as Key][language] : undefined;
    };
    return {
      language,
      setLanguage,
      t,
      pick: (both) => (both ? (both[language] || both.en || both.zh || "") : ""),
      code: (group, value) => {
        if (!value) return "";
        const found = find(group, value);
        if (found === undefined) console.warn(`no word for ${group}.${value}`);
        return found ?? value.replaceAll("_", " ");
      },
      name: (group, value) => (value ? (find(group, value) ?? value) : ""),
    };
  }, [language]);
  return <SpeechContext.Provider value={speech}>{children}</SpeechContext.Provider>;
}

export function useSpeech(): Speech {
  const speech = useContext(SpeechContext);
  if (!speech) throw new Error("useSpeech outside SpeechProvider");
  return speech;
}
