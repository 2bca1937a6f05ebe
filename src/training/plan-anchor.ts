/** What the student is held to: the base's own texts as tokens, and where its predictions on them are kept. */
import { join } from "node:path";
import type { Tokenizer } from "../llm/tokenizer.ts";
import { assetPath } from "../util/assets.ts";
import type { Work } from "../util/events.ts";
import { type AnchorText, collectAnchorTexts } from "./anchor-texts.ts";
import type { TrainRequest } from "./train-student.ts";
import type { AnchorPlan } from "./worker/protocol.ts";

export async function* planAnchor(request: TrainRequest, tokenizer: Tokenizer, modelHash: string): Work<AnchorPlan> {
  const { settings, cacheDirectory, signal } = request;
  const key = modelHash.slice(0, 16);
  const directory = join(cacheDirectory, "anchors", key);
  const { anchorTexts: count, anchorTokens: tokensPerText, seed } = settings;
  // Each choice has a file of its own: a run that goes on must find the very texts that it began with.
  const files = [
    join(directory, `texts-${count}x${tokensPerText}-${seed}.json`),
    assetPath("anchors", `${key}.json`),
  ] as const;
  const texts = yield* collectAnchorTexts(files, request.openBaseModel, {
    count,
    tokensPerText,
    seed,
    hasChatTemplate: tokenizer.hasChatTemplate,
    signal,
  });
  return {
    texts: texts.map((text) => anchorTokens(tokenizer, text)).filter((tokens) => tokens.length > 1),
    weight: settings.anchorWeight,
    textsPerStep: settings.anchorTextsPerStep,
    topCount: settings.anchorTopCount,
    cacheFile: join(directory, "distributions.bin"),
  };
}

function anchorTokens(tokenizer: Tokenizer, { kind, prompt, text }: AnchorText): Int32Array {
  // A sampled text was cut at its length: the end token does not belong to it.
  if (kind === "text") return tokenizer.encodeDocument(prompt + text).tokens.slice(0, -1);
  return (
    tokenizer.encodeConversation([
      { role: "user", content: prompt },
      { role: "assistant", content: text },
    ])[0]?.tokens ?? new Int32Array(0)
  );
}
