/** Every block type by name. Adding one: a file in `blocks/`, a line here, a line in docs/pipeline.md. */
import type { BlockDefinition } from "./block.ts";
import { agreementFilterBlock } from "./blocks/agreement-filter.ts";
import {
  combineColumnsBlock,
  duplicateColumnsBlock,
  flattenColumnsBlock,
  renameColumnsBlock,
} from "./blocks/column-blocks.ts";
import { conditionalLlmBlock } from "./blocks/conditional-llm.ts";
import { duplicateFilterBlock } from "./blocks/duplicate-filter.ts";
import { echoQuestionBlock } from "./blocks/echo-question.ts";
import { fewShotCompletionBlock } from "./blocks/few-shot-completion.ts";
import { filterByValueBlock } from "./blocks/filter-by-value.ts";
import { groundedFilterBlock } from "./blocks/grounded-filter.ts";
import { informativeFilterBlock } from "./blocks/informative-filter.ts";
import { iterBlock } from "./blocks/iter.ts";
import { jsonStructureBlock } from "./blocks/json-structure.ts";
import { keywordQuestionBlock } from "./blocks/keyword-question.ts";
import { labelledCompletionBlock } from "./blocks/labelled-completion.ts";
import { llmBlock, llmLogProbBlock } from "./blocks/llm.ts";
import { llmMessagesBlock } from "./blocks/llm-messages.ts";
import { nameSubjectBlock } from "./blocks/name-subject.ts";
import { patternQuestionBlock } from "./blocks/pattern-question.ts";
import { promptBuilderBlock } from "./blocks/prompt-builder.ts";
import { responseExtractorBlock } from "./blocks/response-extractor.ts";
import { rewordBlock } from "./blocks/reword.ts";
import { rowMultiplierBlock } from "./blocks/row-multiplier.ts";
import { samplePopulatorBlock } from "./blocks/sample-populator.ts";
import { seedFormFilterBlock } from "./blocks/seed-form-filter.ts";
import { selectorBlock } from "./blocks/selector.ts";
import { sentenceReachBlock } from "./blocks/sentence-reach.ts";
import { sentenceWindowBlock } from "./blocks/sentence-window.ts";
import { setToMajorityValueBlock } from "./blocks/set-to-majority.ts";
import { textParserBlock } from "./blocks/text-parser.ts";

export const blockRegistry: Record<string, BlockDefinition> = Object.fromEntries(
  [
    llmBlock,
    conditionalLlmBlock,
    llmLogProbBlock,
    llmMessagesBlock,
    filterByValueBlock,
    duplicateColumnsBlock,
    renameColumnsBlock,
    combineColumnsBlock,
    flattenColumnsBlock,
    setToMajorityValueBlock,
    selectorBlock,
    samplePopulatorBlock,
    iterBlock,
    promptBuilderBlock,
    responseExtractorBlock,
    textParserBlock,
    rowMultiplierBlock,
    jsonStructureBlock,
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
