// @vitest-environment happy-dom
import { MantineProvider } from "@mantine/core";
import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { act } from "react";
import { createRoot, type Root } from "react-dom/client";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { Entry } from "../../src/api/reviews";
import { ReviewPage } from "../../src/review/ReviewPage";

vi.mock("../../src/photograph/Photograph", () => ({
  Photograph: ({ label }: { label: string }) => <div data-photograph>{label}</div>,
}));

const entry = (change: Partial<Entry>): Entry => ({
  work_item: "first",
  stage: "mask",
  purpose: "collect",
  person: "ann",
  submitted_at: "2026-03-01T12:00:00Z",
  duration_ms: 8200,
  guideline_version: "v2",
  review: "unreviewed",
  reviewed_by: null,
  note: "",
  set_aside: false,
  disagrees: false,
  possible: ["accept", "mark_gold", "return", "requeue"],
  opinions: [],
  ...change,
});

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });
const PATIENT = { timeout: 30_000 };

let queue: Entry[];
let asked: { method: string; path: string; body: string }[];
let root: Root;

/** A server that takes an entry out of the queue once something is done with it. */
async function answer(request: Request): Promise<Response> {
  const path = new URL(request.url).pathname;
  asked.push({ method: request.method, path, body: request.method === "GET" ? "" : await request.text() });
  const json = (body: unknown, status = 200) =>
    new Response(JSON.stringify(body), { status, headers: { "content-type": "application/json" } });
  if (request.method === "POST") {
    const id = path.split("/")[4];
    if (id === "busy") return json({ type: "invalid_move", detail: "The target is generating." }, 409);
    queue = queue.filter(({ work_item }) => work_item !== id);
    return json({ work_item: id, review: "accepted" });
  }
  if (path.endsWith("/reviews/")) return json({ entries: queue, next_cursor: "" });
  if (path.endsWith("/judged")) {
    const runs = { width: 4, height: 3, counts: [3, 2, 7] };
    const image = { url: "/photograph", preview_url: null, width: 4, height: 3 };
    const shown = { image, shown: runs, mask: runs, description: "", wants_proposal: false };
    return json({ ...shown, verdict: "verify", discard_reason: "", shown_category: "mug", category: "cup" });
  }
  return json({ username: "rita", roles: ["reviewer"], keys: {} });
}

beforeEach(async () => {
  vi.stubGlobal("IS_REACT_ACT_ENVIRONMENT", true);
  vi.stubGlobal("fetch", answer);
  asked = [];
  queue = ["first", "second", "busy"].map((work_item) => entry({ work_item, person: work_item }));
  const element = document.createElement("div");
  document.body.replaceChildren(element);
  root = createRoot(element);
  await act(async () =>
    root.render(
      <MantineProvider env="test">
        <QueryClientProvider client={new QueryClient({ defaultOptions: { queries: { retry: false } } })}>
          <ReviewPage />
        </QueryClientProvider>
      </MantineProvider>,
    ),
  );
  await vi.waitFor(() => settled(() => expect(text()).toContain("Let stand as proposed")), PATIENT);
});

afterEach(async () => {
  await act(async () => root.unmount());
  vi.unstubAllGlobals();
});

const text = () => document.body.textContent ?? "";
const current = () => document.querySelector("[aria-current=true]")?.textContent ?? "";

/** Let what is on its way arrive, then look. */
async function settled(look: () => void): Promise<void> {
  await act(async () => new Promise((resolve) => setTimeout(resolve, 5)));
  look();
}

async function press(code: string): Promise<void> {
  await act(async () => {
    window.dispatchEvent(new KeyboardEvent("keydown", { code, cancelable: true }));
  });
}

test("the first judgement stands there, with its category and why there is no second opinion", () => {
  expect(current()).toContain("first");
  expect(text()).toContain("cup (was mug)");
  expect(text()).toContain("Nobody else was asked.");
});

test("a key accepts, and the next judgement takes its place", async () => {
  await press("KeyA");
  await vi.waitFor(() => settled(() => expect(current()).toContain("second")), PATIENT);
  expect(asked.filter(({ method }) => method === "POST").map(({ path }) => path)).toEqual([
    "/api/v1/reviews/first/accept",
  ]);
  expect(text()).toContain("Accepted: first.");
});

test("a return asks for a note first", async () => {
  await press("KeyR");
  expect(document.querySelector("textarea")).not.toBeNull();
  expect(asked.some(({ method }) => method === "POST")).toBe(false);
});

test("what is refused is said, and stays where it is", async () => {
  await press("ArrowDown");
  await press("ArrowDown");
  await vi.waitFor(() => settled(() => expect(current()).toContain("busy")), PATIENT);
  await press("KeyQ");
  await vi.waitFor(() => settled(() => expect(text()).toContain("The target is generating.")), PATIENT);
  expect(current()).toContain("busy");
});

test("the proposal and the answer change places", async () => {
  expect(document.querySelector("[data-photograph]")?.textContent).toContain("the answer");
  await press("KeyP");
  expect(document.querySelector("[data-photograph]")?.textContent).toContain("the proposal");
});
