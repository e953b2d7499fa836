import react from "@vitejs/plugin-react";
import { defineConfig } from "vitest/config";

// One entry per page: a page loads its own code and what it shares with others, nothing else.
const pages = {
  curriculum: "src/curriculum/main.tsx",
  home: "src/home/main.tsx",
  masks: "src/masks/main.tsx",
  selection: "src/selection/main.tsx",
  alignment: "src/alignment/main.tsx",
};

export default defineConfig({
  plugins: [react()],
  base: "/static/annotation_ui/dist/",
  server: { port: 5173, strictPort: true, origin: "http://127.0.0.1:5173" },
  build: {
    outDir: "static/annotation_ui/dist",
    emptyOutDir: true,
    manifest: "manifest.json",
    rollupOptions: { input: pages },
  },
  test: { environment: "happy-dom", include: ["tests/**/*.test.{ts,tsx}"] },
});
