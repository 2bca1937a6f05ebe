/** The weight types that llama.cpp quantises to, by the names that its users know (`enum llama_ftype` of llama.h). */
import { closestName } from "../util/did-you-mean.ts";
import { UsageError } from "../util/errors.ts";

const FILE_TYPES = {
  F32: 0,
  F16: 1,
  BF16: 32,
  Q8_0: 7,
  Q6_K: 18,
  Q5_K_M: 17,
  Q5_K_S: 16,
  Q5_1: 9,
  Q5_0: 8,
  Q4_K_M: 15,
  Q4_K_S: 14,
  IQ4_NL: 25,
  IQ4_XS: 30,
  Q4_1: 3,
  Q4_0: 2,
  Q3_K_L: 13,
  Q3_K_M: 12,
  Q3_K_S: 11,
  IQ3_M: 27,
  IQ3_S: 26,
  IQ3_XS: 22,
  IQ3_XXS: 23,
  Q2_K: 10,
  Q2_K_S: 21,
  IQ2_M: 29,
  IQ2_S: 28,
  IQ2_XS: 20,
  IQ2_XXS: 19,
  IQ1_M: 31,
  IQ1_S: 24,
  TQ2_0: 37,
  TQ1_0: 36,
  Q2_0: 41,
  Q1_0: 40,
} as const;
export type QuantizationType = keyof typeof FILE_TYPES;

export const QUANTIZATION_TYPES = Object.keys(FILE_TYPES) as QuantizationType[];

/** Id that llama.cpp knows the type by. */
export function fileTypeId(type: QuantizationType): number {
  return FILE_TYPES[type];
}

/** Names are understood in any case; `Q4_K` and the like mean the medium mixture, as in llama.cpp. */
export function parseQuantizationType(text: string): QuantizationType {
  const name = text.toUpperCase().replaceAll("-", "_");
  for (const candidate of [name, `${name}_M`])
    if (Object.hasOwn(FILE_TYPES, candidate)) return candidate as QuantizationType;
  const nearest = closestName(name, QUANTIZATION_TYPES);
  throw new UsageError(
    `there is no weight type '${text}'`,
    `${nearest === undefined ? "" : `Did you mean ${nearest}? `}Choose from ${QUANTIZATION_TYPES.join(", ")}.`,
  );
}
