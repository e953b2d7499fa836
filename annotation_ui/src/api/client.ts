import createClient, { type Middleware } from "openapi-fetch";
import type { paths } from "./schema.gen";

/** Status of an ApiProblem where no answer came at all. */
export const UNREACHABLE = 0;

/** What the server said when it refused (problem details, RFC 9457), or that it could not be reached. */
export class ApiProblem extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    readonly detail: string,
    readonly whatToDo = "",
  ) {
    super(whatToDo ? `${detail} ${whatToDo}` : detail);
    this.name = "ApiProblem";
  }

  /** The session ended: signing in again, here or in another tab, lets the same request through. */
  get signedOut(): boolean {
    return this.status === 401 || (this.status === 403 && /csrf|credentials/i.test(this.detail));
  }

  /** Nothing is wrong with the request: sent again later, it may go through. */
  get passing(): boolean {
    return this.status === UNREACHABLE || this.status === 429 || this.status >= 500 || this.signedOut;
  }
}

/** The CSRF token that Django expects back on writes of a signed-in session. */
export function csrfToken(): string {
  const entry = document.cookie.split("; ").find((cookie) => cookie.startsWith("csrftoken="));
  return entry?.slice("csrftoken=".length) ?? "";
}

/** A key for one intended write: sent again under the same key, it still happens once. */
export function newKey(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** Parameters of a write under this key. */
export function underKey(key: string): { "Idempotency-Key": string } {
  return { "Idempotency-Key": key };
}

interface ProblemBody {
  type?: string;
  title?: string;
  detail?: string;
  what_to_do?: string;
}

/** Read a refusal; what is no problem document is named by its status. */
export async function readProblem(answer: Response): Promise<ApiProblem> {
  const isJson = answer.headers.get("content-type")?.includes("json") ?? false;
  const body: ProblemBody = isJson ? await answer.json().catch(() => ({})) : {};
  const detail = body.detail ?? body.title ?? `The server answered ${answer.status}.`;
  return new ApiProblem(answer.status, body.type ?? "error", detail, body.what_to_do);
}

const problems: Middleware = {
  onRequest({ request }) {
    if (request.method !== "GET") request.headers.set("X-CSRFToken", csrfToken());
  },
  async onResponse({ response }) {
    if (!response.ok) throw await readProblem(response);
  },
  onError() {
    return new ApiProblem(UNREACHABLE, "unreachable", "The server cannot be reached.");
  },
};

/**
 * The API as the signed-in person. Every call throws ApiProblem where it is refused or not answered.
 * `fetch` is looked up at every call: who replaces it later, as tests do, replaces it here too.
 */
export const api = createClient<paths>({ fetch: (request) => globalThis.fetch(request) });
api.use(problems);

/** The body of an answer that has one. */
export function bodyOf<T>(answer: { data?: T }): NonNullable<T> {
  if (answer.data === undefined || answer.data === null)
    throw new ApiProblem(500, "empty_answer", "The server answered nothing.");
  return answer.data;
}

/** To the sign-in page, and back here afterwards. */
export function signIn(): void {
  window.location.assign(`/accounts/login/?next=${encodeURIComponent(window.location.pathname)}`);
}
