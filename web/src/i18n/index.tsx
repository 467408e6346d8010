// Two languages, one dictionary: a missing word is a type error. The choice is kept in the browser.
import { createContext, type ReactNode, useContext, useMemo, useState } from "react";
import { type Key, words } from "./words";

export type Language = "zh" | "en";

interface Speech {
  language: Language;
  setLanguage: (language: Language) => void;
  t: (key: Key, values?: Record<string, string | number>) => string;
  /** The text of a value that comes in both languages from the server. */
  pick: (both: { zh?: string | null; en?: string | null } | null | undefined) => string;
  /** The word for a code such as a status; the code itself when there is none. */
  code: (group: string, value: string | null | undefined) => string;
}

const SpeechContext = createContext<Speech | null>(null);

export function SpeechProvider({ children }: { children: ReactNode }) {
  const [language, setState] = useState<Language>(() => (localStorage.getItem("jiehuan.language") === "en" ? "en" : "zh"));
  const speech = useMemo<Speech>(() => {
    const t: Speech["t"] = (key, values) => {
      let text: string = words[key][language];
      for (const [name, value] of Object.entries(values ?? {})) text = text.replaceAll(`{${name}}`, String(value));
      return text;
    };
    return {
      language,
      setLanguage(next) {
        localStorage.setItem("jiehuan.language", next);
        document.documentElement.lang = next === "zh" ? "zh-CN" : "en";
        setState(next);
      },
      t,
      pick: (both) => (both ? (both[language] ?? both.en ?? both.zh ?? "") : ""),
      code: (group, value) => {
        if (!value) return "";
        const key = `${group}.${value}`;
        return key in words ? words[key as Key][language] : value;
      },
    };
  }, [language]);
  return <SpeechContext.Provider value={speech}>{children}</SpeechContext.Provider>;
}

export function useSpeech(): Speech {
  const speech = useContext(SpeechContext);
  if (!speech) throw new Error("useSpeech outside SpeechProvider");
  return speech;
}
