/** `npm run docs`: writes the generated pages docs/cli.md and docs/config.md. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { root } from "./ensure.mjs";

const built = pathToFileURL(join(root, "dist", "cli", "render-docs.js")).href;
const { renderCliDocs, renderConfigDocs } = await import(built);
writeFileSync(join(root, "docs", "cli.md"), renderCliDocs());
writeFileSync(join(root, "docs", "config.md"), renderConfigDocs());
