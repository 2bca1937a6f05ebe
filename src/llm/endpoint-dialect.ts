/**
 * Small differences between servers that call themselves OpenAI-compatible, learned from their refusals: newer OpenAI models want
 * `max_completion_tokens` and no `temperature`, some servers know no `seed` or `n`. What was refused once is not sent again.
 */
import { HttpStatusError } from "./http-json.ts";

export interface Dialect {
  /** Sends the body as this server wants it; a refusal that names a parameter is answered with a body without it. */
  speak<T>(body: Record<string, unknown>, send: (body: object) => Promise<T>): Promise<T>;
}

/** Parameters that an answer can do without. */
const OPTIONAL = ["seed", "n", "top_p", "temperature", "stop"];

export function createDialect(): Dialect {
  const changes = new Map<string, string | undefined>();
  const translate = (body: Record<string, unknown>): Record<string, unknown> => {
    if (changes.size === 0) return body;
    const spoken = Object.entries(body).flatMap(([key, value]) => {
      const name = changes.has(key) ? changes.get(key) : key;
      return name === undefined ? [] : [[name, value]];
    });
    return Object.fromEntries(spoken);
  };
  return {
    async speak(body, send) {
      for (;;) {
        const spoken = translate(body);
        try {
          return await send(spoken);
        } catch (error) {
          if (!(error instanceof HttpStatusError) || ![400, 422].includes(error.status)) throw error;
          const change = readRefusal(error.message, spoken);
          if (change === undefined) throw error;
          changes.set(...change);
        }
      }
    },
  };
}

function readRefusal(said: string, sent: Record<string, unknown>): [string, string | undefined] | undefined {
  if (!/unsupported|not supported|unrecogni[sz]ed|unknown|extra (inputs|fields)|not permitted|unexpected/i.test(said))
    return undefined;
  if ("max_tokens" in sent && /max_completion_tokens/.test(said)) return ["max_tokens", "max_completion_tokens"];
  const refused = OPTIONAL.find(
    (name) => name in sent && new RegExp(`["'\`\\[ ]${name}["'\`\\],:. ]`).test(`${said} `),
  );
  return refused === undefined ? undefined : [refused, undefined];
}
