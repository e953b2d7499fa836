/** The CSRF token that Django expects back on writes of a signed-in session. */
export function csrfToken(): string {
  const entry = document.cookie.split("; ").find((cookie) => cookie.startsWith("csrftoken="));
  return entry?.slice("csrftoken=".length) ?? "";
}

/** What the server said when it refused: every error of the API has this shape. */
export class ApiProblem extends Error {
  constructor(
    readonly status: number,
    readonly title: string,
    readonly whatToDo: string,
  ) {
    super(whatToDo ? `${title} ${whatToDo}` : title);
    this.name = "ApiProblem";
  }
}

/** GET JSON from the API as the signed-in person. A lost session leads to the sign-in page and back. */
export async function getJson<T>(path: string): Promise<T> {
  const answer = await fetch(`/api/v1${path}`, { headers: { Accept: "application/json" } });
  if (answer.status === 401 || answer.status === 403) {
    const problem = await readProblem(answer);
    if (problem.title.toLowerCase().includes("credentials")) {
      window.location.assign(`/accounts/login/?next=${encodeURIComponent(window.location.pathname)}`);
    }
    throw problem;
  }
  if (!answer.ok) throw await readProblem(answer);
  return (await answer.json()) as T;
}

interface ProblemBody {
  title?: string;
  detail?: string;
  what_to_do?: string;
}

async function readProblem(answer: Response): Promise<ApiProblem> {
  const isJson = answer.headers.get("content-type")?.includes("json") ?? false;
  const body: ProblemBody = isJson ? await answer.json() : {};
  const title = body.detail ?? body.title ?? `The server answered ${answer.status}.`;
  return new ApiProblem(answer.status, title, body.what_to_do ?? "");
}
