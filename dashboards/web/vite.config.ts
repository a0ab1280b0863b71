import { defineConfig } from "vitest/config";

const api = process.env["NHIP_URL"] ?? "http://127.0.0.1:8080";
const proxied = ["/api", "/readyz", "/healthz", "/metrics"];

export default defineConfig({
  base: "./",
  build: {
    target: "es2022",
    outDir: "dist",
    sourcemap: false,
    // The content security policy allows no data: scripts or fonts, so nothing is inlined.
    assetsInlineLimit: 0,
    chunkSizeWarningLimit: 1200,
    modulePreload: { polyfill: false },
    rolldownOptions: {
      output: {
        // Every server knows that .js is a script; not every one knows .mjs.
        assetFileNames: ({ names }) => `assets/[name]-[hash]${names[0]?.endsWith(".mjs") ? ".js" : "[extname]"}`,
      },
    },
  },
  server: { proxy: Object.fromEntries(proxied.map((path) => [path, api])) },
  test: { include: ["test/**/*.test.ts"], environment: "node" },
});
