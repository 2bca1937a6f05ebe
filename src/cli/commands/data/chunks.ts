/** `ilab data chunks`: the pieces that documents are cut into, before a teacher is paid for reading them. */
import type { DocumentChunk } from "../../../artifacts.ts";
import { runWork } from "../../../util/events.ts";
import { addChunkFlags, type ChunkOptions, readChunking, teacherTokenizer } from "../../chunk-flags.ts";
import type { CommandContext, RegisterCommand } from "../../command.ts";
import { addEndpointFlags, type EndpointOptions } from "../../endpoint-flags.ts";
import { examples } from "../../examples.ts";

interface ChunksOptions extends ChunkOptions, EndpointOptions {
  taxonomyPath?: string;
  taxonomyBase?: string;
  model?: string;
}

/** What tells a taxonomy from a folder of documents. */
const roots = ["knowledge", "compositional_skills"];

type Piece = DocumentChunk & { leaf?: string };

export const register: RegisterCommand = (group, bind) => {
  const command = group
    .command("chunks [path]")
    .description("Show the pieces that documents are cut into, with their tokens and headings.")
    .option("--taxonomy-path <path>", "taxonomy directory or one qna.yaml")
    .option("--taxonomy-base <reference>", "git reference that changes are counted from; 'empty' takes the whole tree")
    .option(
      "--model <model>",
      "count its tokens: a name of the store, a GGUF file, or the name served at --endpoint-url",
    );
  addEndpointFlags(addChunkFlags(command))
    .addHelpText(
      "after",
      "\nThe path is a document, a folder of documents, a qna.yaml or a taxonomy; without it, the changed leaves of the taxonomy are shown.\n" +
        "Without --model and --endpoint-url, tokens are estimated.\n" +
        examples("ilab data chunks", "ilab data chunks handbook.pdf --chunk-tokens 300 --chunk-overlap 1"),
    )
    .action(bind<ChunksOptions>(chunks));
};

async function chunks(context: CommandContext, options: ChunksOptions, path?: string): Promise<void> {
  const { reporter, paths } = context;
  const { existsSync } = await import("node:fs");
  const { basename, join, resolve } = await import("node:path");
  const { loadConfig } = await import("../../../config/load-config.ts");
  const config = (await loadConfig(paths)).generate;
  const hasTeacher = options.model !== undefined || options.endpointUrl !== undefined;
  const tokenizer = () => (hasTeacher ? teacherTokenizer(context, options, config.teacher.model_path) : undefined);
  const reading = await readChunking(context, options, config, tokenizer);
  await using counter = reading.chunking.counter;
  const isLeaf = path !== undefined && basename(path) === "qna.yaml";
  const isTaxonomy = path === undefined || isLeaf || roots.some((root) => existsSync(join(path, root)));
  let pieces: Piece[];
  if (!isTaxonomy) {
    const { chunkFiles } = await import("../../../seeds/chunk-files.ts");
    pieces = await runWork(chunkFiles(resolve(path), reading), (event) => reporter.event(event));
  } else {
    const { readSeeds } = await import("../../../flow.ts");
    const { chooseBase } = await import("../../../taxonomy/choose-base.ts");
    const taxonomyPath = resolve(path ?? options.taxonomyPath ?? config.taxonomy_path);
    const { base, note } = await chooseBase(taxonomyPath, {
      asked: isLeaf ? "empty" : options.taxonomyBase,
      configured: config.taxonomy_base,
      signal: context.signal,
    });
    if (note !== undefined) reporter.warn(note);
    const seeds = await runWork(readSeeds(taxonomyPath, { ...reading, base }), (event) => reporter.event(event));
    pieces = seeds.flatMap(({ leaf, chunks }) => chunks.map((chunk) => ({ leaf: leaf.taxonomyPath, ...chunk })));
  }
  const unit = await counter.prepare();
  const tokens = pieces.reduce((sum, piece) => sum + (piece.tokens ?? 0), 0);
  reporter.print(pieces.map((piece, index) => describe(piece, index, pieces[index - 1])).join("\n"));
  reporter.print(`\n${pieces.length} pieces, ${tokens} ${unit}`);
  reporter.result({ pieces, count: pieces.length, tokens, unit });
}

function describe({ leaf, source, headings, text, tokens }: Piece, index: number, before: Piece | undefined): string {
  const isNew = before?.leaf !== leaf || before?.source !== source;
  const title = isNew ? `\n${leaf === undefined ? "" : `${leaf}  `}${source}\n` : "";
  const lines = text.split("\n").map((line) => (line === "" ? "" : `    ${line}`));
  return `${title}\n[${index + 1}] ${tokens} tokens${headings.length > 0 ? `  ${headings.join(" > ")}` : ""}\n${lines.join("\n")}`;
}
