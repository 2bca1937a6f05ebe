/** Every block type by name. Adding one: a file in `blocks/`, a line here, a line in docs/pipeline.md. */
import type { BlockDefinition } from "./block.ts";
import { agreementFilterBlock } from "./blocks/agreement-filter.ts";
import {
  combineColumnsBlock,
  duplicateColumnsBlock,
  flattenColumnsBlock,
  renameColumnsBlock,
} from "./blocks/column-blocks.ts";
import { duplicateFilterBlock } from "./blocks/duplicate-filter.ts";
import { echoQuestionBlock } from "./blocks/echo-question.ts";
import { fewShotCompletionBlock } from "./blocks/few-shot-completion.ts";
import { filterByValueBlock } from "./blocks/filter-by-value.ts";
import { groundedFilterBlock } from "./blocks/grounded-filter.ts";
import { informativeFilterBlock } from "./blocks/informative-filter.ts";
import { keywordQuestionBlock } from "./blocks/keyword-question.ts";
import { labelledCompletionBlock } from "./blocks/labelled-completion.ts";
import { llmBlock } from "./blocks/llm.ts";
import { nameSubjectBlock } from "./blocks/name-subject.ts";
import { patternQuestionBlock } from "./blocks/pattern-question.ts";
import { rewordBlock } from "./blocks/reword.ts";
import { seedFormFilterBlock } from "./blocks/seed-form-filter.ts";
import { sentenceReachBlock } from "./blocks/sentence-reach.ts";
import { sentenceWindowBlock } from "./blocks/sentence-window.ts";

export const blockRegistry: Record<string, BlockDefinition> = Object.fromEntries(
  [
    llmBlock,
    filterByValueBlock,
    duplicateColumnsBlock,
    renameColumnsBlock,
    combineColumnsBlock,
    flattenColumnsBlock,
    sentenceWindowBlock,
    fewShotCompletionBlock,
    keywordQuestionBlock,
    labelledCompletionBlock,
    echoQuestionBlock,
    groundedFilterBlock,
    informativeFilterBlock,
    agreementFilterBlock,
    duplicateFilterBlock,
    nameSubjectBlock,
    patternQuestionBlock,
    rewordBlock,
    seedFormFilterBlock,
    sentenceReachBlock,
  ].map((definition) => [definition.type, definition]),
);
