/** All architectures that can be trained, by the name that GGUF files carry in `general.architecture`. */
import type { Architecture } from "./architecture.ts";
import { gemma2 } from "./gemma2.ts";
import { gemma3 } from "./gemma3.ts";
import { granite } from "./granite.ts";
import { llama } from "./llama.ts";
import { qwen2 } from "./qwen2.ts";
import { qwen3 } from "./qwen3.ts";

export const ARCHITECTURES: Record<string, Architecture> = { llama, granite, qwen2, qwen3, gemma2, gemma3 };
