import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import react from "@vitejs/plugin-react";
import type { Plugin } from "vite";
import { defineConfig } from "vitest/config";

// One entry per page: a page loads its own code and what it shares with others, nothing else.
const pages = {
  curriculum: "src/curriculum/main.tsx",
  home: "src/home/main.tsx",
  masks: "src/masks/main.tsx",
  evaluations: "src/evaluations/main.tsx",
  selection: "src/selection/main.tsx",
  voting: "src/voting/main.tsx",
  alignment: "src/alignment/main.tsx",
  review: "src/review/main.tsx",
};

/** A gzipped copy beside each file: the server sends it to every browser that takes it, and packs nothing itself. */
const gzipped: Plugin = {
  name: "gzipped",
  apply: "build",
  writeBundle({ dir = "" }, bundle) {
    for (const name of Object.keys(bundle).filter((file) => /\.(js|css|wasm)$/.test(file))) {
      writeFileSync(join(dir, `${name}.gz`), gzipSync(readFileSync(join(dir, name)), { level: 9 }));
    }
  },
};

export default defineConfig({
  plugins: [react(), gzipped],
  base: "/static/annotation_ui/dist/",
  server: { port: 5173, strictPort: true, origin: "http://127.0.0.1:5173" },
  build: {
    outDir: "static/annotation_ui/dist",
    emptyOutDir: true,
    manifest: "manifest.json",
    rollupOptions: { input: pages },
  },
  test: { include: ["tests/**/*.test.{ts,tsx}"], isolate: false },
});
