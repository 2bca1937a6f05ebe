/**
 * Which modules of which layers carry an adapter, chosen by patterns: names that people know from Hugging Face models (`q_proj`) or from GGUF
 * (`attn_q`), for one layer (`layers.3.q_proj`), with `*` for any characters, `{q,v}` for a choice and `{0..5}` for a range.
 */
import { UsageError } from "../../util/errors.ts";
import type { ModuleName } from "./lora-layout.ts";

const TARGET_NAMES: Record<string, ModuleName> = {
  q_proj: "attn_q",
  k_proj: "attn_k",
  v_proj: "attn_v",
  o_proj: "attn_output",
  gate_proj: "ffn_gate",
  up_proj: "ffn_up",
  down_proj: "ffn_down",
};
export const ALL_TARGETS = Object.keys(TARGET_NAMES);

/** More alternatives than this are a mistake, and would take long to compare. */
const MAX_ALTERNATIVES = 10_000;

/** @throws UsageError naming a pattern that matches nothing. */
export function targetModules(
  patterns: readonly string[],
  layers: number,
): (layer: number, name: ModuleName) => boolean {
  const adapted = new Set<string>();
  for (const pattern of patterns) {
    const matchers = alternatives(pattern).map(matcher);
    let isFound = false;
    for (const [target, name] of Object.entries(TARGET_NAMES))
      for (let layer = 0; layer < layers; layer++) {
        const names = [target, name, `layers.${layer}.${target}`, `blk.${layer}.${name}`];
        if (!matchers.some((matches) => names.some((candidate) => matches(candidate)))) continue;
        isFound = true;
        adapted.add(`${layer} ${name}`);
      }
    if (!isFound)
      throw new UsageError(
        `no module of the model's ${layers} layers is called '${pattern}'`,
        `Choose from ${ALL_TARGETS.join(", ")}, or write a pattern such as *_proj or layers.{0..5}.q_proj.`,
      );
  }
  if (adapted.size === 0)
    throw new UsageError("no module is adapted, so nothing would be trained", `Choose from ${ALL_TARGETS.join(", ")}.`);
  return (layer, name) => adapted.has(`${layer} ${name}`);
}

/** The pattern once for every choice in braces. */
function alternatives(pattern: string): string[] {
  const braces = /\{([^{}]*)\}/.exec(pattern);
  if (braces === null) return [pattern];
  const [whole, inside] = braces as unknown as [string, string];
  const range = /^(\d{1,6})\.\.(\d{1,6})$/.exec(inside);
  const [first, last] = [Number(range?.[1]), Number(range?.[2])];
  const choices =
    range === null
      ? inside.split(",")
      : Array.from({ length: Math.min(MAX_ALTERNATIVES, Math.max(0, last - first + 1)) }, (_, i) => String(first + i));
  const all = choices.flatMap((choice) => alternatives(pattern.replace(whole, () => choice)));
  if (all.length > MAX_ALTERNATIVES) throw new UsageError(`the pattern '${pattern}' has too many alternatives`);
  return all;
}

function matcher(pattern: string): (name: string) => boolean {
  const parts = pattern.split("*");
  return (name) => {
    let at = 0;
    for (const [i, part] of parts.entries()) {
      // The first part stands at the beginning, the last at the end, those between wherever they come next.
      if (parts.length === 1) return name === part;
      if (i === 0) {
        if (!name.startsWith(part)) return false;
        at = part.length;
      } else if (i === parts.length - 1) return name.length - part.length >= at && name.endsWith(part);
      else {
        const next = name.indexOf(part, at);
        if (next < 0) return false;
        at = next + part.length;
      }
    }
    return true;
  };
}
