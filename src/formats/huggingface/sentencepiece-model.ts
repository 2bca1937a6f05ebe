/**
 * Reads what matters of a SentencePiece model (`tokenizer.model`): pieces with score and type, and whether a text gets a space in front.
 * It is a protocol buffer (sentencepiece_model.proto): field 1 of the file is a piece, field 3 the normaliser.
 */
import { IlabError } from "../../util/errors.ts";

export interface SentencePieceModel {
  pieces: { text: string; score: number /** As GGUF's token types. */; type: number }[];
  addsSpacePrefix: boolean;
}

/** No vocabulary has more pieces. */
const MAX_PIECES = 4_000_000;

export function parseSentencePieceModel(path: string, bytes: Uint8Array): SentencePieceModel {
  const pieces: SentencePieceModel["pieces"] = [];
  let addsSpacePrefix = true;
  try {
    for (const { field, value } of fields(bytes)) {
      if (field === 1 && value instanceof Uint8Array) {
        const piece = { text: "", score: 0, type: 1 };
        for (const part of fields(value)) {
          if (part.field === 1 && part.value instanceof Uint8Array) piece.text = new TextDecoder().decode(part.value);
          if (part.field === 2 && part.value instanceof Uint8Array) piece.score = view(part.value).getFloat32(0, true);
          if (part.field === 3 && typeof part.value === "number") piece.type = part.value;
        }
        pieces.push(piece);
        if (pieces.length > MAX_PIECES) throw new RangeError(`more than ${MAX_PIECES} pieces`);
      }
      if (field === 3 && value instanceof Uint8Array)
        for (const part of fields(value)) if (part.field === 3) addsSpacePrefix = part.value !== 0;
    }
    if (pieces.length === 0) throw new RangeError("no pieces");
  } catch (cause) {
    throw new IlabError({
      code: "TOKENIZER_INVALID",
      message: `${path} is not a SentencePiece model: ${(cause as Error).message}`,
      hint: "Download the tokenizer again.",
      cause,
    });
  }
  return { pieces, addsSpacePrefix };
}

/** The fields of one message; varints as numbers, everything else as bytes. */
function* fields(bytes: Uint8Array): Generator<{ field: number; value: number | Uint8Array }> {
  let at = 0;
  const varint = (): number => {
    let value = 0;
    for (let shift = 0; shift < 70; shift += 7) {
      const byte = bytes[at++];
      if (byte === undefined) throw new RangeError("it ends inside a number");
      value += (byte & 127) * 2 ** shift;
      if (byte < 128) return value;
    }
    throw new RangeError("a number is too long");
  };
  const take = (length: number): Uint8Array => {
    if (length > bytes.length - at) throw new RangeError("it ends inside a field");
    at += length;
    return bytes.subarray(at - length, at);
  };
  while (at < bytes.length) {
    const tag = varint();
    const field = Math.floor(tag / 8);
    const wire = tag & 7;
    if (wire === 0) yield { field, value: varint() };
    else if (wire === 1) yield { field, value: take(8) };
    else if (wire === 2) yield { field, value: take(varint()) };
    else if (wire === 5) yield { field, value: take(4) };
    else throw new RangeError(`a field has the unknown kind ${wire}`);
  }
}

function view(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
