// The HTTP interface, typed from our own OpenAPI document. Each write carries a key so that a retry happens once.
import createClient, { type Middleware } from "openapi-fetch";
import type { components, paths } from "./schema";

export type Schema = components["schemas"];

export interface Problem {
  where: string;
  value: string;
  reason: string;
  mend: string;
  citation: string;
  zh: string;
}

export class ApiError extends Error {
  readonly status: number;
  readonly problems: Problem[];

  constructor(status: number, problems: Problem[], fallback: string) {
    super(problems.map((p) => [p.where, p.value, p.reason, p.mend].filter(Boolean).join(" · ")).join("\n") || fallback);
    this.status = status;
    this.problems = problems;
  }
}

const refuse: Middleware = {
  onRequest({ request }) {
    if (request.method !== "GET" && !request.headers.has("Idempotency-Key")) {
      request.headers.set("Idempotency-Key", crypto.randomUUID());
    }
    return request;
  },
  async onResponse({ response }) {
    if (response.ok) return undefined;
    let problems: Problem[] = [];
    try {
      problems = (await response.clone().json()).problems ?? [];
    } catch {
      // not JSON: the status line has to do
    }
    if (response.status === 401) window.dispatchEvent(new Event("jiehuan:signed-out"));
    throw new ApiError(response.status, problems, `${response.status} ${response.statusText}`);
  },
};

export const api = createClient<paths>({ baseUrl: "/" });
api.use(refuse);

/** The body of an answer; errors were thrown by the middleware. */
export async function body<T>(call: Promise<{ data?: T }>): Promise<T> {
  const { data } = await call;
  return data as T;
}
