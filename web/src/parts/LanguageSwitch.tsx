import { Segmented } from "antd";
import { tellNow } from "../editor/pending";
import { type Language, useSpeech } from "../i18n";

/** Chinese or English, for the whole console, remembered in this browser. */
export function LanguageSwitch() {
  const { language, setLanguage } = useSpeech();
  return (
    <Segmented<Language>
      size="small"
      value={language}
      aria-label="语言 Language"
      onChange={(chosen) => { tellNow(); setLanguage(chosen); }} // an editor that is drawn anew begins with all that was typed
      options={[{ label: "中文", value: "zh" }, { label: "EN", value: "en" }]}
    />
  );
}
