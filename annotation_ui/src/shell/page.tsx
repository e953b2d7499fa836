import "@mantine/core/styles.css";
import "./page.css";

import { MantineProvider } from "@mantine/core";
import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { type ReactNode, StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { cssVariables, theme } from "./theme";

const queries = new QueryClient({
  defaultOptions: {
    queries: { staleTime: 5_000, retry: 2, refetchOnWindowFocus: true },
    mutations: { networkMode: "always" }, // without a network it fails and says so, rather than wait for one unseen
  },
});

/** User name of the signed-in person, as the template says. */
export function person(): string {
  return document.getElementById("page")?.dataset.person ?? "";
}

/** Put `children` on the page with theme and data, the same way on every page. */
export function mountPage(children: ReactNode): void {
  const root = document.getElementById("page");
  if (root === null) throw new Error("the template has no #page element");
  createRoot(root).render(
    <StrictMode>
      <MantineProvider theme={theme} cssVariablesResolver={cssVariables} defaultColorScheme="dark">
        <QueryClientProvider client={queries}>{children}</QueryClientProvider>
      </MantineProvider>
    </StrictMode>,
  );
}
