/**
 * Cuts a document into pieces that fit a prompt: whole paragraphs where possible, never inside a sentence, a table's row or a line of code
 * unless it is too long on its own; each piece with the headings above it and from one section only.
 */
import type { DocumentChunk } from "../artifacts.ts";
import { blockText, type DocumentBlock } from "../formats/documents/document-block.ts";
import { splitSentences } from "../util/sentences.ts";
import { cutProse, cutRigidBlock } from "./cut-block.ts";
import { estimatingCounter, type TokenCounter } from "./token-counter.ts";

/** What upstream cuts by: half a page of a book. */
export const DEFAULT_CHUNK_TOKENS = 500;

export interface ChunkingOptions {
  /** Upper bound of tokens in a piece, its headings among them. Default: 500. */
  maxTokens?: number;
  /** How many sentences at a piece's end begin the next piece of the same section, too. Default: 0. */
  overlapSentences?: number;
  /** Default: an estimate. */
  counter?: TokenCounter;
}

interface OpenChunk {
  texts: string[];
  tokens: number;
  /** Its last text is of sentences, which the next piece may repeat. */
  endsInProse: boolean;
}

/** At least this part of the budget must be left for a long paragraph to begin in a piece that is not empty. */
const WORTH_FILLING = 0.3;
/** What is repeated must not crowd out what is new. */
const MAX_OVERLAP = 0.4;

export async function chunkDocument(
  { name, blocks }: { name: string; blocks: readonly DocumentBlock[] },
  { maxTokens = DEFAULT_CHUNK_TOKENS, overlapSentences = 0, counter = estimatingCounter }: ChunkingOptions = {},
): Promise<DocumentChunk[]> {
  const count = async (text: string) => await counter.count(text);
  const separatorTokens = Math.max(0, (await count("a\n\na")) - 2 * (await count("a")));
  const chunks: DocumentChunk[] = [];
  const path: { level: number; text: string }[] = [];
  let headings: string[] = [];
  let headingTokens = 0;
  let budget = maxTokens;
  let open: OpenChunk | undefined;
  let repeated = "";

  const close = async ({ sectionGoesOn = true } = {}) => {
    if (!sectionGoesOn) repeated = "";
    if (open === undefined) return;
    const text = open.texts.join("\n\n");
    const tokens = headingTokens + (await count(text));
    chunks.push({ source: name, headings, text, tokens });
    repeated = sectionGoesOn && open.endsInProse ? await lastSentences(open.texts.at(-1)!) : "";
    open = undefined;
  };
  const lastSentences = async (text: string): Promise<string> => {
    const sentences = overlapSentences > 0 ? splitSentences(text).slice(-overlapSentences) : [];
    while (sentences.length > 0 && (await count(sentences.join(" "))) > MAX_OVERLAP * budget) sentences.shift();
    return sentences.join(" ");
  };
  const room = () => budget - (open?.tokens ?? 0) - (open === undefined ? 0 : separatorTokens);
  /** @param joint what stands between the text and repeated sentences of the same block, where it goes on with one. */
  const add = async (text: string, tokens: number, endsInProse: boolean, joint?: string) => {
    const overlapTokens = repeated === "" ? 0 : (await count(repeated)) + separatorTokens;
    const overlap = open === undefined && overlapTokens + tokens <= budget ? repeated : "";
    if (open === undefined) {
      open = { texts: overlap === "" ? [] : [overlap], tokens: overlap === "" ? 0 : overlapTokens, endsInProse };
      repeated = "";
    } else open.tokens += separatorTokens;
    if (overlap !== "" && joint !== undefined) open.texts[0] += joint + text;
    else open.texts.push(text);
    open.tokens += tokens;
    open.endsInProse = endsInProse;
  };
  /** "These are:" belongs to the list below it. */
  const takeLeadIn = async (tokens: number): Promise<string | undefined> => {
    const leadIn = open?.texts.at(-1);
    if (open === undefined || open.texts.length < 2 || leadIn === undefined || !/[:：]$/.test(leadIn)) return undefined;
    const leadInTokens = await count(leadIn);
    if (leadInTokens + separatorTokens + tokens > budget) return undefined;
    open.texts.pop();
    open.tokens -= leadInTokens + separatorTokens;
    return leadIn;
  };

  const enter = async () => {
    headings = path.map(({ text }) => text);
    headingTokens = headings.length === 0 ? 0 : await count(`${headings.join("\n")}\n`);
    // Headings that take half of the room are told, but not counted.
    if (headingTokens > maxTokens / 2) headingTokens = 0;
    budget = maxTokens - headingTokens;
  };

  for (const block of withLostHeadingsAsText(blocks)) {
    if (block.kind === "heading") {
      await close({ sectionGoesOn: false });
      while ((path.at(-1)?.level ?? -1) >= block.level) path.pop();
      // A level without a text only leads back to the section above.
      if (block.text !== "") path.push(block);
      await enter();
      continue;
    }
    const text = blockText(block);
    const tokens = await count(text);
    if (tokens <= room()) {
      await add(text, tokens, isProse(block));
      continue;
    }
    if (tokens <= budget) {
      const leadIn = isProse(block) ? undefined : await takeLeadIn(tokens);
      await close();
      if (leadIn !== undefined) {
        repeated = "";
        await add(leadIn, await count(leadIn), true);
      }
      if (leadIn !== undefined || repeated === "" || !isProse(block) || (await count(repeated)) + tokens < budget) {
        await add(text, tokens, isProse(block));
        continue;
      }
    }
    if (isProse(block)) {
      if (room() < WORTH_FILLING * budget) await close();
      const parts = await cutProse(block, { count, budget: budget - separatorTokens });
      let isGoingOn = false;
      for (const [index, { text: part, joint }] of parts.entries()) {
        const partTokens = (await count(part)) + separatorTokens;
        if (open !== undefined && partTokens > room()) {
          await close();
          isGoingOn = false;
        }
        if (isGoingOn && open !== undefined) {
          open.texts[open.texts.length - 1] += joint + part;
          open.tokens += partTokens;
        } else await add(part, partTokens, true, index > 0 ? joint : undefined);
        isGoingOn = true;
      }
    } else {
      await close();
      for (const piece of await cutRigidBlock(block, { count, budget })) {
        await close();
        await add(piece.text, piece.tokens, false);
      }
    }
  }
  await close({ sectionGoesOn: false });
  return chunks;
}

/** A heading of so many words says something of its own. */
const WORDS_OF_A_STATEMENT = 6;

/**
 * Headings stand above the pieces of their section; one without any text below would be lost. Where it says something, it becomes text of the
 * section above it.
 */
function withLostHeadingsAsText(blocks: readonly DocumentBlock[]): DocumentBlock[] {
  let above = Number.NaN;
  return blocks.flatMap((block, index): DocumentBlock[] => {
    const next = blocks[index + 1];
    if (block.kind !== "heading") above = Number.NaN;
    const isEmpty =
      block.kind === "heading" && (next === undefined || (next.kind === "heading" && next.level <= block.level));
    if (!isEmpty || block.text.split(/\s+/).length < WORDS_OF_A_STATEMENT) return [block];
    const text: DocumentBlock = { kind: "paragraph", text: block.text };
    // Neighbours share their section.
    if (above === block.level) return [text];
    above = block.level;
    return [{ kind: "heading", level: block.level, text: "" }, text];
  });
}

function isProse(block: DocumentBlock): block is DocumentBlock & { kind: "paragraph" | "list" } {
  return block.kind === "paragraph" || block.kind === "list";
}
