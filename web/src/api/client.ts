// The HTTP interface, typed from our own OpenAPI document. Each write carries a key so that a retry happens once.
import createClient, { type Middleware } from "openapi-fetch";
import type { components, paths } from "./schema";

export type Schema = components["schemas"];
export type Problem = Schema["ProblemOut"];

export class ApiError extends Error {
  readonly status: number;
  readonly problems: Problem[];

  constructor(status: number, problems: Problem[]) {
    super(`${status} ${problems.map((problem) => problem.reason).join("; ")}`);
    this.status = status;
    this.problems = problems;
  }
}

const refuse: Middleware = {
  async onResponse({ response, schemaPath }) {
    if (response.ok) return undefined;
    let problems: Problem[] = [];
    try {
      problems = (await response.clone().json()).problems ?? [];
    } catch {
      // not JSON: the status has to do
    }
    if (response.status === 401 && schemaPath !== "/api/session") window.dispatchEvent(new Event("jiehuan:signed-out"));
    throw new ApiError(response.status, problems);
  },
};

export const api = createClient<paths>({ baseUrl: "/" });
api.use(refuse);

/** The body of an answer; errors were thrown by the middleware. */
export async function body<T>(call: Promise<{ data?: T }>): Promise<T> {
  const { data } = await call;
  return data as T;
}

/** The header of one act. Repeating the act with the same header does it once. */
export function once(): { "Idempotency-Key": string } {
  const random = crypto.getRandomValues(new Uint8Array(16)); // randomUUID is absent where the console is served without TLS
  return { "Idempotency-Key": Array.from(random, (byte) => byte.toString(16).padStart(2, "0")).join("") };
}
