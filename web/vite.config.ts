import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

export default defineConfig({
  plugins: [react()],
  build: {
    sourcemap: false,
    chunkSizeWarningLimit: 1200,
    modulePreload: { polyfill: false }, // the polyfill is an inline script, which the server's policy forbids
    rolldownOptions: {
      output: {
        codeSplitting: { groups: [{ name: "charts", test: /node_modules[\\/](echarts|zrender)[\\/]/ }] },
      },
    },
  },
  server: { proxy: { "/api": "http://127.0.0.1:8000" } },
});
