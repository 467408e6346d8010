import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { App as AntApp, ConfigProvider } from "antd";
import enUS from "antd/locale/en_US";
import zhCN from "antd/locale/zh_CN";
import "antd/dist/reset.css";
import dayjs from "dayjs";
import "dayjs/locale/zh-cn";
import { createRoot } from "react-dom/client";
import { BrowserRouter } from "react-router";
import { ApiError } from "./api/client";
import { App } from "./App";
import { FONT } from "./font";
import { SpeechProvider, useSpeech } from "./i18n";
import "./style.css";

const queries = new QueryClient({
  defaultOptions: {
    queries: { staleTime: 10_000, retry: (count, error) => !(error instanceof ApiError && error.status < 500) && count < 2 },
  },
});

const still = window.matchMedia("(prefers-reduced-motion: reduce)").matches; // who asks for less movement gets none

function Themed() {
  const { language } = useSpeech();
  dayjs.locale(language === "zh" ? "zh-cn" : "en");
  return (
    <ConfigProvider
      locale={language === "zh" ? zhCN : enUS}
      button={{ autoInsertSpace: false }}
      theme={{
        token: { motion: !still, colorPrimary: "#0f5257", colorLink: "#0f6b73", colorError: "#c4261d", borderRadius: 4, fontFamily: FONT, colorBgLayout: "#f4f6f5", colorTextDescription: "rgba(0,0,0,0.62)", colorTextTertiary: "rgba(0,0,0,0.62)" },
        components: { Menu: { itemSelectedBg: "#e2eeec", itemSelectedColor: "#0f5257" } },
      }}
    >
      <AntApp>
        <App />
      </AntApp>
    </ConfigProvider>
  );
}

createRoot(document.getElementById("root")!).render(
  <SpeechProvider>
    <QueryClientProvider client={queries}>
      <BrowserRouter>
        <Themed />
      </BrowserRouter>
    </QueryClientProvider>
  </SpeechProvider>,
);
