import { Segmented } from "antd";
import { type Language, useSpeech } from "../i18n";

/** Chinese or English, for the whole console, remembered in this browser. */
export function LanguageSwitch() {
  const { language, setLanguage } = useSpeech();
  return (
    <Segmented<Language>
      size="small"
      value={language}
      onChange={setLanguage}
      options={[{ label: "中文", value: "zh" }, { label: "EN", value: "en" }]}
    />
  );
}
