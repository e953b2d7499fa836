import { api, newKey, underKey } from "./client";

/** Keep the keys of a page that I have changed, for every machine that I sign in on. */
export async function saveKeys(page: string, bindings: Record<string, string>): Promise<void> {
  const params = { path: { page }, header: underKey(newKey()) };
  await api.PUT("/api/v1/me/keys/{page}", { params, body: { bindings } });
}
