import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";
import { translateEditor } from "./src/editor/translate";

const own = (file: string) => decodeURIComponent(new URL(`src/editor/${file}`, import.meta.url).pathname);

export default defineConfig({
  plugins: [react(), translateEditor(own("speak.ts"))],
  resolve: { alias: { "@monaco-editor/react": own("code.tsx"), "monaco-editor": own("code.tsx"), "use-debounce": own("pending.ts") } },
  build: {
    sourcemap: false,
    chunkSizeWarningLimit: 3500, // the decision editor, which is loaded where a policy is edited
    modulePreload: { polyfill: false }, // the polyfill is an inline script, which the server's policy forbids
    rolldownOptions: {
      output: {
        codeSplitting: { groups: [{ name: "charts", test: /node_modules[\\/](echarts|zrender)[\\/]/ }] },
      },
    },
  },
  server: { proxy: { "/api": "http://127.0.0.1:8000" } },
});
